// One scenario through the official JavaScript SDK. Every step records what a
// program would see: the value, or the error's status, data and message.
import { EventSource } from 'eventsource';
import PocketBase, { BaseAuthStore, ClientResponseError } from 'pocketbase';

const PASSWORD = 'sdkpass12';
const ARRIVE_MS = 10_000;
// How long to look for messages that should not come.
const QUIET_MS = 300;

// As the SDK's documentation says for Node.
globalThis.EventSource ??= EventSource;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits for so many entries, then a little for one too many; sorted, since the order is not defined. */
async function collected(seen, count) {
  const limit = Date.now() + ARRIVE_MS;
  while (seen.length < count && Date.now() < limit) await pause(10);
  await pause(QUIET_MS);
  return seen.splice(0).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** What the SDK throws, as plain data. */
function failure(error) {
  if (!(error instanceof ClientResponseError)) return { thrown: error.name, message: error.message };
  return { status: error.status, message: error.message, response: error.response, url: error.url.replace(/mfaId=\w+/, 'mfaId=…'), isAbort: error.isAbort };
}

/** The auth store as a program sees it. */
export const store = ({ authStore }) => ({ valid: authStore.isValid, superuser: authStore.isSuperuser, token: authStore.token, record: authStore.record });

/**
 * Where steps {id, run(base, idp, mail)} are put down; `run` gives the outcome as text. `idp` is the address of the
 * server's OAuth2 provider (lib/idp.mjs), `mail` its mail server (lib/mail.mjs), if it has one. What `begin` makes of
 * them, clients above all, is shared by the steps of one server.
 */
export function recorder(topic, begin) {
  const sessions = new Map();
  const steps = [];
  const step = (name, body) => steps.push({
    id: `${topic}/${name}`,
    name,
    options: {},
    run: async (base, idp, mail) => {
      if (!sessions.has(base)) sessions.set(base, begin(base, idp, mail));
      let outcome;
      try {
        outcome = { value: await body(sessions.get(base)) };
      } catch (error) {
        outcome = { error: failure(error) };
      }
      return JSON.stringify(outcome, (key, value) => (value === undefined ? '<undefined>' : value));
    },
  });
  return { steps, step };
}

/** Returns the steps {id, run(base, idp)}. */
export function sdkSteps(superuser) {
  const { steps, step } = recorder('sdk', (base, idp) => {
    const client = () => {
      const pb = new PocketBase(base, new BaseAuthStore());
      pb.autoCancellation(false);
      return pb;
    };
    return { root: client(), guest: client(), user: client(), visitor: client(), ids: {}, idp };
  });

  step('health', ({ guest }) => guest.health.check());
  step('superuser login fails', ({ root }) => root.collection('_superusers').authWithPassword(superuser.email, 'wrong'));
  step('superuser login', ({ root }) => root.collection('_superusers').authWithPassword(superuser.email, superuser.password));
  step('superuser store', ({ root }) => store(root));

  step('collections/create base', ({ root }) => root.collections.create({
    name: 'sdk_tags',
    type: 'base',
    listRule: '',
    viewRule: '',
    fields: [{ name: 'name', type: 'text', required: true }],
  }));
  step('collections/create posts', async ({ root }) => {
    const tags = await root.collections.getOne('sdk_tags');
    return root.collections.create({
      name: 'sdk_posts',
      type: 'base',
      listRule: '',
      viewRule: '',
      createRule: '@request.auth.id != ""',
      updateRule: 'owner = @request.auth.id',
      deleteRule: 'owner = @request.auth.id',
      fields: [
        { name: 'title', type: 'text', required: true, max: 50 },
        { name: 'n', type: 'number' },
        { name: 'flag', type: 'bool' },
        { name: 'due', type: 'date' },
        { name: 'meta', type: 'json' },
        { name: 'tags', type: 'relation', collectionId: tags.id, maxSelect: 5 },
        { name: 'owner', type: 'relation', collectionId: '_pb_users_auth_', maxSelect: 1 },
        { name: 'created', type: 'autodate', onCreate: true },
        { name: 'updated', type: 'autodate', onCreate: true, onUpdate: true },
      ],
      indexes: ['CREATE INDEX idx_sdk_posts_n ON sdk_posts (n)'],
    });
  });
  step('collections/create auth', ({ root }) => root.collections.create({ name: 'sdk_people', type: 'auth', createRule: '', viewRule: 'id = @request.auth.id', updateRule: 'id = @request.auth.id' }));
  step('collections/create invalid', ({ root }) => root.collections.create({ name: 'not valid' }));
  step('collections/create as guest', ({ guest }) => guest.collections.create({ name: 'sdk_nope' }));
  step('collections/update', ({ root }) => root.collections.update('sdk_tags', { createRule: '@request.auth.id != ""' }));
  step('collections/list', ({ root }) => root.collections.getList(1, 3, { sort: 'name', filter: 'name ~ "sdk_"', fields: 'name,type' }));
  step('collections/first', ({ root }) => root.collections.getFirstListItem('name = "sdk_tags"'));
  step('collections/scaffolds', ({ root }) => root.collections.getScaffolds());
  step('collections/missing', ({ root }) => root.collections.getOne('nothere'));

  step('user/methods', ({ guest }) => guest.collection('sdk_people').listAuthMethods());
  step('user/create', ({ user }) => user.collection('sdk_people').create({ email: 'ann@example.com', password: PASSWORD, passwordConfirm: PASSWORD }));
  step('user/create twice', ({ user }) => user.collection('sdk_people').create({ email: 'ann@example.com', password: PASSWORD, passwordConfirm: PASSWORD }));
  step('user/create invalid', ({ user }) => user.collection('sdk_people').create({ email: 'x', password: 'a', passwordConfirm: 'a' }));
  step('user/login wrong', ({ user }) => user.collection('sdk_people').authWithPassword('ann@example.com', 'nope'));
  step('user/login empty', ({ user }) => user.collection('sdk_people').authWithPassword('', ''));
  step('user/login', ({ user }) => user.collection('sdk_people').authWithPassword('ann@example.com', PASSWORD));
  step('user/store', ({ user }) => store(user));
  step('user/refresh', ({ user }) => user.collection('sdk_people').authRefresh());
  step('user/refresh elsewhere', ({ user }) => user.collection('users').authRefresh());
  step('user/refresh as guest', ({ guest }) => guest.collection('sdk_people').authRefresh());
  step('user/update keeps the store fresh', async ({ user }) => {
    const record = await user.collection('sdk_people').update(user.authStore.record.id, { emailVisibility: true });
    return { record, store: store(user) };
  });

  step('records/tags', async ({ user, ids }) => {
    const made = [];
    for (const name of ['red', 'green', 'blue']) made.push(await user.collection('sdk_tags').create({ name }));
    ids.tags = made.map((tag) => tag.id);
    return made;
  });
  step('records/create', async ({ user, ids }) => {
    const record = await user.collection('sdk_posts').create({
      title: 'first', n: 1, flag: true, due: new Date(Date.UTC(2024, 0, 2, 3, 4, 5)), meta: { a: [1, 2] }, tags: ids.tags.slice(0, 2),
    }, { expand: 'tags' });
    ids.first = record.id;
    return record;
  });
  step('records/create many', async ({ user, ids }) => {
    for (let n = 2; n <= 25; n += 1) {
      await user.collection('sdk_posts').create({ title: `post ${String(n).padStart(2, '0')}`, n, tags: [ids.tags[n % 3]] });
    }
  });
  step('records/create as guest', ({ guest }) => guest.collection('sdk_posts').create({ title: 'x' }));
  step('records/create invalid', ({ user }) => user.collection('sdk_posts').create({ title: '' }));
  step('records/view', ({ guest, ids }) => guest.collection('sdk_posts').getOne(ids.first, { expand: 'tags,owner', fields: '*,expand.tags.name' }));
  step('records/view missing', ({ guest }) => guest.collection('sdk_posts').getOne('nothere'));
  step('records/view no id', ({ guest }) => guest.collection('sdk_posts').getOne(''));
  step('records/list', ({ guest }) => guest.collection('sdk_posts').getList(2, 5, { sort: '-n' }));
  step('records/list skip total', ({ guest }) => guest.collection('sdk_posts').getList(1, 2, { sort: 'n', skipTotal: true }));
  step('records/full list in batches', async ({ guest }) => (await guest.collection('sdk_posts').getFullList({ batch: 10, sort: 'n' })).map((item) => item.title));
  step('records/first', ({ guest }) => guest.collection('sdk_posts').getFirstListItem('n > 3', { sort: 'n' }));
  step('records/first none', ({ guest }) => guest.collection('sdk_posts').getFirstListItem('n > 300'));
  step('records/filter with values', async ({ guest }) => {
    const filter = guest.filter('title = {:title} || n = {:n} || flag = {:flag} || due = {:due}', {
      title: "it's \"quoted\" || 1=1", n: 7, flag: true, due: new Date(Date.UTC(2024, 0, 2, 3, 4, 5)),
    });
    return { filter, found: (await guest.collection('sdk_posts').getFullList({ filter, sort: 'n' })).map((item) => item.n) };
  });
  step('records/filter invalid', ({ guest }) => guest.collection('sdk_posts').getList(1, 5, { filter: 'nothere = 1' }));
  step('records/filter through relation', async ({ guest }) => (await guest.collection('sdk_posts').getFullList({ filter: 'tags.name ?= "red" && n < 8', sort: 'n' })).map((item) => item.n));
  step('records/update of another', ({ user, ids }) => user.collection('sdk_posts').update(ids.first, { title: 'mine' }));
  step('records/update as superuser', ({ root, ids }) => root.collection('sdk_posts').update(ids.first, { title: 'changed', 'n+': 10, 'tags-': ids.tags[0] }));
  step('records/update invalid', ({ root, ids }) => root.collection('sdk_posts').update(ids.first, { title: 'x'.repeat(51) }));
  step('records/delete of another', ({ user, ids }) => user.collection('sdk_posts').delete(ids.first));
  step('records/delete', ({ root, ids }) => root.collection('sdk_posts').delete(ids.first));
  step('records/deleted', ({ guest, ids }) => guest.collection('sdk_posts').getOne(ids.first));
  step('records/unknown collection', ({ guest }) => guest.collection('nothere').getList(1, 1));
  step('records/locked collection', ({ guest }) => guest.collection('_superusers').getList(1, 1));

  step('user/change password', ({ user }) => user.collection('sdk_people').update(user.authStore.record.id, { oldPassword: PASSWORD, password: 'otherpass1', passwordConfirm: 'otherpass1' }));
  step('user/token is dead', ({ user }) => user.collection('sdk_people').authRefresh());
  step('user/logout', ({ user }) => {
    user.authStore.clear();
    return store(user);
  });

  step('realtime/changes', async ({ guest, root }) => {
    const posts = guest.collection('sdk_posts');
    const seen = [];
    const told = (name) => ({ action, record }) => seen.push({ name, action, record });
    await posts.subscribe('*', told('all'));
    await posts.subscribe('*', told('large'), { filter: 'n > 100', expand: 'tags', fields: 'id,title,expand.tags.name' });
    const { id } = await root.collection('sdk_posts').create({ title: 'told', n: 1 });
    await posts.subscribe(id, told('one'));
    await root.collection('sdk_posts').update(id, { n: 200 });
    await root.collection('sdk_posts').delete(id);
    return collected(seen, 7);
  });
  step('realtime/unsubscribed', async ({ guest, root }) => {
    const posts = guest.collection('sdk_posts');
    const seen = [];
    const other = await posts.subscribe('*', (event) => seen.push(event.action));
    const before = guest.realtime.isConnected;
    await other();
    await posts.unsubscribe();
    await root.collection('sdk_posts').create({ title: 'untold' });
    return { before, after: guest.realtime.isConnected, seen: await collected(seen, 0) };
  });
  step('realtime/connected anew, with a login', async ({ user, root }) => {
    const seen = [];
    let connects = 0;
    await user.realtime.subscribe('PB_CONNECT', () => { connects += 1; });
    await user.collection('sdk_people').authWithPassword('ann@example.com', 'otherpass1');
    await user.collection('sdk_people').subscribe(user.authStore.record.id, ({ action, record }) => seen.push({ action, record }));
    await root.collection('sdk_people').update(user.authStore.record.id, { emailVisibility: false });
    const own = await collected(seen, 1);
    await user.realtime.unsubscribe();
    user.authStore.clear();
    await root.collection('sdk_people').update(own[0].record.id, { emailVisibility: true });
    return { own, connects, seen: await collected(seen, 0), connected: user.realtime.isConnected };
  });
  step('oauth2/collection', ({ root, idp }) => root.collections.create({
    name: 'sdk_visitors',
    type: 'auth',
    createRule: '',
    oauth2: {
      enabled: true,
      providers: [{ name: 'oidc', clientId: 'c', clientSecret: 's', authURL: `${idp}/auth`, tokenURL: `${idp}/token`, userInfoURL: `${idp}/me` }],
    },
  }));
  step('oauth2/code', async ({ visitor, idp }) => {
    const { oauth2 } = await visitor.collection('sdk_visitors').listAuthMethods();
    const [{ name, codeVerifier, codeChallenge }] = oauth2.providers;
    const user = { sub: 'sdk', email: 'sdk@example.com', email_verified: true };
    await fetch(`${idp}/codes`, { method: 'POST', body: JSON.stringify({ name: 'sdk', challenge: codeChallenge, user }) });
    return visitor.collection('sdk_visitors').authWithOAuth2Code(name, 'sdk', codeVerifier, 'http://localhost/r', { emailVisibility: true });
  });
  step('oauth2/store', ({ visitor }) => store(visitor));
  step('oauth2/links', async ({ visitor }) => (await visitor.collection('_externalAuths').getFullList({ fields: 'provider,providerId' })));
  step('oauth2/all in one', async ({ guest, idp }) => {
    const user = { sub: 'all', email: 'all@example.com', email_verified: true };
    const urlCallback = async (url) => {
      const params = new URL(url).searchParams;
      await fetch(`${idp}/codes`, { method: 'POST', body: JSON.stringify({ name: 'all', challenge: params.get('code_challenge'), redirect: params.get('redirect_uri'), user }) });
      await fetch(`${params.get('redirect_uri')}?state=${params.get('state')}&code=all`, { redirect: 'manual' });
    };
    // A client of its own: a guest stays one.
    const pb = new PocketBase(guest.baseURL, new BaseAuthStore());
    return pb.collection('sdk_visitors').authWithOAuth2({ provider: 'oidc', urlCallback });
  });
  step('oauth2/unknown', ({ visitor }) => visitor.collection('sdk_visitors').authWithOAuth2Code('google', 'sdk', '', 'http://localhost/r'));

  step('files/collection', ({ root }) => root.collections.create({
    name: 'sdk_files', listRule: '', viewRule: '@request.auth.id != ""', createRule: '',
    fields: [{ name: 'title', type: 'text' }, { name: 'doc', type: 'file', maxSelect: 1 }, { name: 'more', type: 'file', maxSelect: 3, protected: true }],
  }));
  step('files/upload', async ({ guest, ids }) => {
    const file = (name, text) => new File([text], name, { type: 'text/plain' });
    const record = await guest.collection('sdk_files').create({ title: 'files', doc: file('first doc.txt', 'hello'), more: [file('a.txt', 'a'), file('b.txt', 'b')] });
    ids.files = record;
    return record;
  });
  step('files/url', async ({ guest, ids }) => {
    const answer = await fetch(guest.files.getURL(ids.files, ids.files.doc, { download: true }));
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  });
  step('files/protected', async ({ guest, root, ids }) => {
    const [name] = ids.files.more;
    const plain = await fetch(guest.files.getURL(ids.files, name));
    const token = await root.files.getToken();
    const allowed = await fetch(guest.files.getURL(ids.files, name, { token }));
    return { plain: plain.status, allowed: allowed.status, text: await allowed.text() };
  });
  step('files/remove one', ({ root, ids }) => root.collection('sdk_files').update(ids.files.id, { 'more-': ids.files.more[0], doc: null }));

  step('batch/off', async ({ root }) => {
    const batch = root.createBatch();
    batch.collection('sdk_tags').create({ name: 'never' });
    return batch.send();
  });
  step('batch/on', ({ root }) => root.settings.update({ batch: { enabled: true } }, { fields: 'batch' }));
  step('batch/all kinds', async ({ root, ids }) => {
    const batch = root.createBatch();
    batch.collection('sdk_tags').create({ id: 'sdkbatch0000001', name: 'one' });
    batch.collection('sdk_tags').update('sdkbatch0000001', { name: 'two' });
    batch.collection('sdk_tags').upsert({ id: 'sdkbatch0000002', name: 'three' });
    batch.collection('sdk_files').create({ title: 'in a batch', doc: new File(['batched'], 'batch.txt', { type: 'text/plain' }) });
    batch.collection('sdk_tags').delete('sdkbatch0000001');
    const results = await batch.send();
    ids.batched = results[3].body;
    // PocketBase makes the name of a file in a batch unlike others, twice: it is not compared.
    return results.map(({ status, body }) => ({ status, body: body && { ...body, doc: body.doc?.replace(/_.*\./, '_random.') } }));
  });
  step('batch/its file', async ({ guest, ids }) => (await fetch(guest.files.getURL(ids.batched, ids.batched.doc))).text());
  step('batch/fails as a whole', async ({ root }) => {
    const batch = root.createBatch();
    batch.collection('sdk_tags').create({ id: 'sdkbatch0000003', name: 'gone' });
    batch.collection('sdk_tags').create({ name: '' });
    return batch.send();
  });
  step('batch/nothing is left', ({ root }) => root.collection('sdk_tags').getOne('sdkbatch0000003'));
  step('batch/off again', ({ root }) => root.settings.update({ batch: { enabled: false } }, { fields: 'batch' }));

  step('cancellation', async ({ guest }) => {
    const pb = new PocketBase(guest.baseURL, new BaseAuthStore());
    const results = await Promise.allSettled([pb.collection('sdk_tags').getList(1, 1), pb.collection('sdk_tags').getList(1, 1)]);
    return results.map((one) => ({ status: one.status, aborted: one.reason?.isAbort }));
  });
  step('crons', async ({ root }) => (await root.crons.getFullList()).map((job) => job.id).filter((id) => id.startsWith('__pb')).sort());
  step('logs', async ({ root }) => Object.keys(await root.logs.getList(1, 1)));
  step('backups', async ({ root }) => {
    const outcome = [await root.backups.create('sdk_backup.zip')];
    outcome.push((await root.backups.getFullList()).map((one) => one.key).includes('sdk_backup.zip'));
    const answer = await fetch(root.backups.getDownloadURL(await root.files.getToken(), 'sdk_backup.zip'));
    outcome.push(answer.status, answer.headers.get('content-type'), (await answer.arrayBuffer()).byteLength > 1000);
    outcome.push(await root.backups.delete('sdk_backup.zip'));
    return outcome;
  });
  step('files/delete', async ({ root }) => root.collections.delete('sdk_files'));

  step('settings/get', ({ root }) => root.settings.getAll({ fields: 'meta.appName,logs.maxDays' }));
  step('settings/as guest', ({ guest }) => guest.settings.getAll());
  step('raw/send', ({ root }) => root.send('/api/health', { method: 'GET', query: { fields: 'code,message' } }));
  step('raw/unknown', ({ root }) => root.send('/api/nothere', {}));

  step('collections/truncate', ({ root }) => root.collections.truncate('sdk_posts'));
  step('collections/empty', ({ guest }) => guest.collection('sdk_posts').getList(1, 5));
  step('collections/delete referenced', ({ root }) => root.collections.delete('sdk_tags'));
  step('collections/delete', async ({ root }) => {
    await root.collections.delete('sdk_posts');
    return root.collections.delete('sdk_tags');
  });
  return steps;
}
