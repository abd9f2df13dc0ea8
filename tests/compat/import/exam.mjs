// Fills a PocketBase with a rich application: people of three kinds, things with every field, trees, views of several kinds.
import { createHmac } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { call } from './call.mjs';

const FILES = join(import.meta.dirname, '..', 'files');

/** Dates that are the same on both sides, and old enough for `created < @now`. */
const DATES = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'").fetchall():
    columns = [row[1] for row in db.execute(f"PRAGMA table_info(\`{table}\`)")]
    if 'created' in columns and table not in ('_migrations', '_params', '_collections'):
        db.execute(f"UPDATE \`{table}\` SET created = printf('2024-01-%02d 10:11:12.%03dZ', 1 + rowid % 28, rowid % 1000), updated = '2024-02-03 04:05:06.789Z'")
db.execute("UPDATE _collections SET created = printf('2023-01-01 00:00:00.%03dZ', rowid), updated = '2023-02-02 00:00:00.000Z'")
db.commit()
`;

const field = (type, name, more = {}) => ({ id: `f_${name}`.slice(0, 20), type, name, ...more });
const stamps = () => [field('autodate', 'created', { onCreate: true }), field('autodate', 'updated', { onCreate: true, onUpdate: true })];
const SECRET = 'exam_secret_of_thirty_characters_or_more_';
const USERS = '_pb_users_auth_';
const OPEN = { listRule: '', viewRule: '', createRule: '', updateRule: '', deleteRule: '' };

/** A token as PocketBase signs it. */
function sign(claims, secret) {
  const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

function collections() {
  const tokens = (name) => Object.fromEntries(['authToken', 'fileToken', 'passwordResetToken', 'verificationToken', 'emailChangeToken']
    .map((kind) => [kind, { secret: SECRET + name + kind, duration: kind === 'authToken' ? 1209600 : 1800 }]));
  const auth = { type: 'auth', authAlert: { enabled: false } };
  return [
    {
      ...auth, ...tokens('users'), id: USERS, name: 'users', listRule: "@request.auth.id != ''", viewRule: "@request.auth.id != ''", createRule: '',
      updateRule: 'id = @request.auth.id', deleteRule: 'id = @request.auth.id', manageRule: "@request.auth.collectionName = 'staff' && @request.auth.role = 'boss'",
      fields: [
        field('text', 'username', { id: 'users_username', required: true, min: 3, max: 150, pattern: '^[\\w][\\w\\.\\-]*$', autogeneratePattern: 'users[0-9]{6}' }),
        field('text', 'name', { id: 'users_name' }),
        field('file', 'avatar', { id: 'users_avatar', mimeTypes: ['image/jpeg', 'image/png', 'image/svg+xml', 'image/gif', 'image/webp'], thumbs: ['70x50', '70x50t', '70x50b', '70x50f', '0x50', '70x0'] }),
        field('relation', 'friend', { collectionId: USERS }), field('relation', 'favs', { collectionId: 'exthings0000001', maxSelect: 9 }),
        ...stamps(),
      ],
      indexes: [
        'CREATE UNIQUE INDEX `__pb_users_auth__username_idx` ON `users` (username COLLATE NOCASE)',
        "CREATE UNIQUE INDEX `__pb_users_auth__email_idx` ON `users` (`email`) WHERE `email` != ''",
        'CREATE UNIQUE INDEX `__pb_users_auth__tokenKey_idx` ON `users` (`tokenKey`)',
      ],
      passwordAuth: { enabled: true, identityFields: ['email', 'username'] },
      oauth2: { enabled: true, providers: [{ name: 'gitlab', clientId: 'a', clientSecret: 'b' }, { name: 'google', clientId: 'c', clientSecret: 'd' }], mappedFields: { id: '', name: 'name', username: 'username', avatarURL: 'avatar' } },
      otp: { enabled: true, duration: 300, length: 8 },
    },
    {
      ...auth, ...tokens('staff'), id: 'exstaff00000001', name: 'staff', listRule: '', viewRule: '', createRule: null, updateRule: 'id = @request.auth.id', deleteRule: null,
      manageRule: null, authRule: 'active = true',
      fields: [field('text', 'login', { required: true }), field('select', 'role', { values: ['boss', 'clerk'] }), field('bool', 'active'), field('text', 'salary', { hidden: true }), ...stamps()],
      indexes: ['CREATE UNIQUE INDEX `idx_staff_login` ON `staff` (`login`)'],
      passwordAuth: { enabled: true, identityFields: ['login'] },
    },
    {
      ...auth, ...tokens('nologin'), id: 'exnologin000001', name: 'nologin', ...OPEN, manageRule: "@request.auth.collectionName = 'users'",
      fields: [field('text', 'nick')], passwordAuth: { enabled: false, identityFields: ['email'] },
    },
    {
      id: 'exthings0000001', name: 'things', type: 'base', listRule: null, viewRule: '', createRule: "@request.auth.id != ''", updateRule: 'one.id ?= @request.auth.id', deleteRule: 'many.id ?= @request.auth.id',
      fields: [
        field('text', 'text', { max: 200, presentable: true }), field('bool', 'bool'), field('url', 'url'), field('select', 'pick', { values: ['optionA', 'optionB', 'optionC'] }),
        field('select', 'picks', { values: ['optionA', 'optionB', 'optionC'], maxSelect: 3 }), field('file', 'file', { mimeTypes: [], thumbs: ['50x30', '100x0', '30x50f'] }),
        field('file', 'files', { maxSelect: 99, thumbs: ['20x20t'] }), field('number', 'number'), field('email', 'email'), field('date', 'at'), field('json', 'json', { maxSize: 2000000 }),
        field('relation', 'one', { collectionId: USERS }), field('relation', 'self', { collectionId: 'exthings0000001' }), field('relation', 'many', { collectionId: USERS, maxSelect: 999 }),
        field('relation', 'selves', { collectionId: 'exthings0000001', maxSelect: 9 }),
        field('geoPoint', 'point'), field('editor', 'html'), field('text', 'secret', { hidden: true }), ...stamps(),
      ],
      indexes: ['CREATE INDEX `idx_things_created` ON `things` (created)', 'CREATE UNIQUE INDEX `idx_things_url` ON `things` (`url`) WHERE url != \'\''],
    },
    {
      id: 'extags000000001', name: 'tags', type: 'base', ...OPEN,
      fields: [field('text', 'title', { required: true, min: 2 }), field('bool', 'active'), ...stamps()],
      indexes: ['CREATE UNIQUE INDEX `idx_unique_tag_title` on `tags` (`title`)', 'CREATE INDEX `idx_tags_active` ON `tags` (`active`)'],
    },
    {
      id: 'exdocs000000001', name: 'docs', type: 'base', listRule: "@request.auth.id != '' && @request.auth.collectionName = 'staff'", viewRule: "@request.auth.id != '' && @request.auth.collectionName = 'staff'",
      createRule: "@request.auth.id != '' && @request.auth.collectionName = 'staff'", updateRule: "@request.auth.id != '' && @request.auth.collectionName = 'staff'", deleteRule: "@request.auth.id != '' && @request.auth.collectionName = 'staff'",
      fields: [field('text', 'title', { max: 30 }), field('file', 'papers', { maxSelect: 10, protected: true, thumbs: ['10x10'] }), field('file', 'paper', { protected: true }), ...stamps()],
    },
    {
      id: 'exnodes00000001', name: 'nodes', type: 'base', ...OPEN,
      createRule: "@request.auth.id = '' || @request.body.title:isset = true", updateRule: "@request.body.locked:changed = false",
      fields: [
        field('text', 'title', { required: true }), field('relation', 'one_keep', { collectionId: 'exdocs000000001' }), field('relation', 'one_must', { collectionId: 'exdocs000000001' }),
        field('relation', 'one_gone', { collectionId: 'exdocs000000001', cascadeDelete: true }), field('relation', 'parent', { collectionId: 'exnodes00000001', cascadeDelete: true }),
        field('relation', 'kids', { collectionId: 'exnodes00000001', maxSelect: 9 }), field('relation', 'tag', { collectionId: 'extags000000001' }), field('relation', 'tags', { collectionId: 'extags000000001', maxSelect: 3, cascadeDelete: true }),
        field('relation', 'only', { collectionId: 'extags000000001' }), field('relation', 'things', { collectionId: 'exthings0000001', maxSelect: 9 }),
        field('bool', 'locked'), field('number', 'n'), field('json', 'list'), field('json', 'object'), ...stamps(),
      ],
      indexes: ["CREATE UNIQUE INDEX `idx_nodes_only` ON `nodes` (`only`) WHERE `only` != ''"],
    },
    {
      id: 'exstats00000001', name: 'stats', type: 'base', ...OPEN,
      fields: [
        field('select', 'pick', { values: ['a', 'b', 'c', 'd'], required: true }), field('select', 'picks', { values: ['a', 'b', 'c', 'd'], maxSelect: 4 }), field('relation', 'one', { collectionId: 'exnodes00000001' }),
        field('relation', 'many', { collectionId: 'exnodes00000001', maxSelect: 5 }), field('number', 'total', { onlyInt: false }), field('file', 'file'), ...stamps(),
      ],
    },
    {
      id: 'exrooms00000001', name: 'rooms', type: 'base',
      listRule: "@request.auth.id != '' && (owner = @request.auth.id || @collection.seats.room ?= id && @collection.seats.user ?= @request.auth.id)",
      viewRule: "owner = @request.auth.id || seats_via_room.user ?= @request.auth.id",
      createRule: "owner = @request.auth.id && @request.body.owner = @request.auth.id || @request.context = 'batch'",
      updateRule: "(owner = @request.auth.id && @request.body.owner:isset = false) || (seats_via_room.user ?= @request.auth.id && seats_via_room.admin ?= true && @request.body.name:changed = false)",
      deleteRule: "owner = @request.auth.id && seats_via_room.id = null",
      fields: [field('text', 'name', { required: true }), field('relation', 'owner', { collectionId: USERS, required: true, cascadeDelete: true }), field('number', 'size', { min: 1, max: 10, onlyInt: true }), field('text', 'code', { hidden: true, autogeneratePattern: '[a-z]{8}' }), ...stamps()],
    },
    {
      id: 'exseats00000001', name: 'seats', type: 'base', listRule: 'user = @request.auth.id || room.owner = @request.auth.id', viewRule: 'user = @request.auth.id || room.owner = @request.auth.id',
      createRule: '@request.body.room.owner = @request.auth.id', updateRule: 'room.owner = @request.auth.id', deleteRule: 'room.owner = @request.auth.id || user = @request.auth.id',
      fields: [field('relation', 'room', { collectionId: 'exrooms00000001', required: true, cascadeDelete: true }), field('relation', 'user', { collectionId: USERS, required: true, cascadeDelete: true }), field('bool', 'admin'), field('number', 'row')],
      indexes: ['CREATE UNIQUE INDEX `idx_seats_pair` ON `seats` (`room`, `user`)'],
    },
    {
      id: 'exprofile000001', name: 'profiles', type: 'base', ...OPEN, viewRule: "public = true || user = @request.auth.id",
      fields: [field('relation', 'user', { collectionId: USERS, required: true }), field('text', 'bio', { max: 0 }), field('bool', 'public')],
      indexes: ['CREATE UNIQUE INDEX `idx_profiles_user` ON `profiles` (`user`)'],
    },
    { id: 'exvthings000001', name: 'v_things', type: 'view', listRule: "@request.auth.id != '' && one = @request.auth.id", viewRule: '', viewQuery: 'select things.id, things.text, things.bool as state, things.url, things.pick, things.picks, things.file, things.files, things.number, things.email, things.at, things.json, things.one, things.many, things.created from things' },
    { id: 'exvofview000001', name: 'v_of_view', type: 'view', listRule: '', viewRule: '', viewQuery: 'SELECT v_things.id, v_things.state, v_things.files as gallery, v_things.many from v_things' },
    { id: 'exvnumbers00001', name: 'v_numbered', type: 'view', listRule: '', viewRule: '', viewQuery: 'select (ROW_NUMBER() OVER()) as id, users.email, users.name, users.verified from users' },
    { id: 'exvcounts000001', name: 'v_counts', type: 'view', listRule: '', viewRule: null, viewQuery: "select users.id, users.name, count(things.id) as things, total(things.number) as sum, max(things.at) as last, (avg(things.number)) as mean, group_concat(things.text, '; ') as texts, cast(count(things.id) as text) as txt from users left join things on things.one = users.id group by users.id" },
    { id: 'exvpicks0000001', name: 'v_picks', type: 'view', listRule: '', viewRule: '', viewQuery: 'with p as (select pick, count(*) as c, sum(number) as s from things group by pick) select p.pick as id, p.c as amount, p.s as sum from p where p.pick != \'\'' },
    { id: 'exvcasts0000001', name: 'v_casts', type: 'view', listRule: '', viewRule: '', viewQuery: "select id, cast(number as int) as i, cast(number as real) as r, cast(number as text) as t, cast(bool as bool) as b, (number > 1) as gt, (text || '!') as shout, json_extract(json, '$.a') as ja, coalesce(at, 'never') as w, length(text) as len from things" },
    { id: 'exvnodes0000001', name: 'v_nodes', type: 'view', listRule: "tag.active = true", viewRule: '', viewQuery: 'select n.id, n.title, n.tag, n.tags, n.parent, t.title as tagTitle, t.id as tagId, (select count(*) from nodes k where k.parent = n.id) as kidCount from nodes n left join tags t on t.id = n.tag' },
    { id: 'exvproducts0001', name: 'v_all', type: 'view', listRule: null, viewRule: null, viewQuery: "select u.id as id, u.kind, u.label from (select id, 'thing' as kind, text as label from things union all select id, 'tag' as kind, title as label from tags) u" },
  ];
}

const form = (values, files = []) => {
  const body = new FormData();
  for (const [name, value] of Object.entries(values)) for (const one of [value].flat()) body.append(name, one);
  for (const [name, file, as] of files) body.append(name, new Blob([readFileSync(join(FILES, file))]), as ?? basename(file));
  return body;
};

export async function fill(base, vars) {
  const token = vars.superuser_token;
  const make = (collection, body) => call(base, 'POST', `/api/collections/${collection}/records`, body, token);
  await call(base, 'DELETE', '/api/collections/members', null, token);
  const all = collections();
  const users = await call(base, 'GET', '/api/collections/users', null, token);
  await call(base, 'PUT', '/api/collections/import', { collections: [{ ...all[0], fields: all[0].fields.filter((one) => !one.collectionId && one.name !== 'username'), indexes: users.indexes, passwordAuth: users.passwordAuth, oauth2: { enabled: false }, manageRule: null }] }, token);
  for (const [id, name] of [['alice0000000001', 'alice'], ['bob000000000001', 'bob']]) await call(base, 'PATCH', `/api/collections/users/records/${id}`, { name: name === 'alice' ? 'Alice A' : '' }, token);
  // The user names must be there before their index.
  await call(base, 'PATCH', '/api/collections/users', { fields: [...(await call(base, 'GET', '/api/collections/users', null, token)).fields, all[0].fields[0]] }, token);
  await call(base, 'PATCH', '/api/collections/users/records/alice0000000001', { username: 'alice' }, token);
  await call(base, 'PATCH', '/api/collections/users/records/bob000000000001', { username: 'Bob.B' }, token);
  await call(base, 'PUT', '/api/collections/import', { collections: all }, token);

  const person = (collection, id, more) => make(collection, { id, password: '1234567890', passwordConfirm: '1234567890', ...more });
  await person('users', 'carol0000000001', { email: 'carol@example.com', username: 'carol', name: 'Carol', verified: true, emailVisibility: true, friend: 'alice0000000001' });
  await call(base, 'PATCH', '/api/collections/users/records/alice0000000001', form({ friend: 'bob000000000001' }, [['avatar', 'wide.png']]), token);
  await call(base, 'PATCH', '/api/collections/users/records/bob000000000001', form({}, [['avatar', 'tall.jpg']]), token);
  await person('staff', 'boss00000000001', { email: 'boss@example.com', login: 'boss', role: 'boss', active: true, salary: '1000', verified: true });
  await person('staff', 'clerk0000000001', { email: 'clerk@example.com', login: 'clerk', role: 'clerk', active: true, salary: '10', emailVisibility: true });
  await person('staff', 'lazy00000000001', { email: 'lazy@example.com', login: 'lazy', role: 'clerk', active: false });
  await person('nologin', 'nolog0000000001', { email: 'no@example.com', nick: 'no', emailVisibility: false });
  await person('nologin', 'nolog0000000002', { email: 'no2@example.com', nick: 'no2', emailVisibility: true });

  const A = 'alice0000000001';
  const B = 'bob000000000001';
  const C = 'carol0000000001';
  const vars2 = {};
  const t1 = await make('things', form({
    id: 'thing0000000001', text: 'test', bool: 'true', url: 'https://example.com', pick: 'optionB', picks: ['optionA', 'optionB'], number: '123456', email: 'test@example.com', at: '2022-10-01 12:00:00.000Z',
    json: '[1,2,3]', one: A, many: [A, B], point: '{"lon":2.5,"lat":48}', html: '<p>One <b>bold</b> text &amp; more</p>', secret: 'hush',
  }, [['file', 'wide.png', '300_photo.png'], ['files', 'note.txt'], ['files', 'tall.jpg', 'tall pic.jpg'], ['files', 'moving.gif'], ['files', 'photo.webp']]));
  await make('things', { id: 'thing0000000002', text: 'test2', url: 'https://two.example', pick: 'optionA', picks: ['optionC'], number: 456, email: 'b@b.example', at: '2023-01-02 03:04:05.006Z', json: { a: 'x', b: { c: [1, 'two', null] } }, one: B, self: 'thing0000000001', many: [B], selves: ['thing0000000001'] });
  await make('things', { id: 'thing0000000003', json: null, selves: ['thing0000000001', 'thing0000000002'], self: 'thing0000000002', number: -1.5, many: [C], one: C });
  await make('things', { id: 'thing0000000004', text: 'Lorem ipsum dolor', number: 0.1, pick: 'optionA', one: A, json: { a: 5 }, html: '<ul><li>a</li><li>b</li></ul>', bool: true });
  await call(base, 'PATCH', `/api/collections/users/records/${A}`, { favs: ['thing0000000001', 'thing0000000004'] }, token);
  for (const [id, title, active] of [['tag000000000001', 'test1', false], ['tag000000000002', 'test2', true], ['tag000000000003', 'test3', true], ['tag000000000004', 'Zebra', false]]) await make('tags', { id, title, active });
  const d1 = await make('docs', form({ id: 'doc000000000001', title: 'test1' }, [['papers', 'note.txt'], ['papers', 'wide.png'], ['paper', 'paper.pdf']]));
  await make('docs', { id: 'doc000000000002', title: 'test2' });
  await make('docs', { id: 'doc000000000003', title: 'lonely' });
  await make('nodes', { id: 'node00000000001', title: 'root', tag: 'tag000000000001', tags: ['tag000000000001', 'tag000000000002'], n: 1, list: [1, 2, 'x'], object: { a: 1, b: 'two' }, one_keep: 'doc000000000001', only: 'tag000000000001' });
  await make('nodes', { id: 'node00000000002', title: 'left', parent: 'node00000000001', tag: 'tag000000000002', tags: ['tag000000000003'], n: 2, one_gone: 'doc000000000002', things: ['thing0000000001', 'thing0000000002'], only: 'tag000000000002' });
  await make('nodes', { id: 'node00000000003', title: 'right', parent: 'node00000000001', tag: 'tag000000000003', n: 3, one_must: 'doc000000000001', locked: true, list: [], object: {} });
  await make('nodes', { id: 'node00000000004', title: 'leaf', parent: 'node00000000002', kids: ['node00000000002', 'node00000000003'], tags: ['tag000000000004'], n: 3 });
  await call(base, 'PATCH', '/api/collections/nodes/records/node00000000001', { kids: ['node00000000002', 'node00000000003'] }, token);
  await make('stats', { id: 'stat00000000001', pick: 'a', picks: ['a', 'b'], total: 1, one: 'node00000000001', many: ['node00000000001', 'node00000000002'] });
  await make('stats', { id: 'stat00000000002', pick: 'b', picks: ['c'], total: 2.25, many: ['node00000000003'] });
  await make('stats', { id: 'stat00000000003', pick: 'a', picks: [], total: -3 });
  for (const [id, name, owner, size] of [['room00000000001', 'Blue', A, 3], ['room00000000002', 'Red', B, 5], ['room00000000003', 'Empty', A, 1]]) await make('rooms', { id, name, owner, size, code: `code${size}xxx` });
  for (const [id, room, user, admin, row] of [['seat00000000001', 'room00000000001', A, true, 1], ['seat00000000002', 'room00000000001', B, false, 2], ['seat00000000003', 'room00000000002', B, true, 1], ['seat00000000004', 'room00000000002', C, true, 2]]) await make('seats', { id, room, user, admin, row });
  await make('profiles', { id: 'profile00000001', user: A, bio: 'About Alice', public: true });
  await make('profiles', { id: 'profile00000002', user: B, bio: 'About Bob' });
  await make('_externalAuths', { id: 'exlink000000001', collectionRef: USERS, recordRef: A, provider: 'gitlab', providerId: 'g1' });
  await make('_authOrigins', { id: 'exorigin0000001', collectionRef: USERS, recordRef: A, fingerprint: 'fp1' });
  await make('_mfas', { id: 'exmfa0000000001', collectionRef: USERS, recordRef: B, method: 'password' });
  await call(base, 'PATCH', '/api/settings', { batch: { enabled: true, maxRequests: 10 }, meta: { appName: 'Exam', appURL: 'https://exam.example' } }, token);

  const login = async (collection, identity, password) => (await call(base, 'POST', `/api/collections/${collection}/auth-with-password`, { identity, password })).token;
  vars2.alice_token = await login('users', 'alice@example.com', 'alicepass1');
  vars2.bob_token = await login('users', 'bob.b', 'bobpass123');
  vars2.carol_token = await login('users', 'carol@example.com', '1234567890');
  vars2.boss_token = await login('staff', 'boss', '1234567890');
  vars2.clerk_token = await login('staff', 'clerk', '1234567890');
  vars2.nolog_token = (await call(base, 'POST', '/api/collections/nologin/impersonate/nolog0000000001', { duration: 86400 }, token)).token;
  const keys = (await call(base, 'POST', '/api/sql', { query: 'select id, tokenKey from users union all select id, tokenKey from staff' }, token)).rows;
  const key = (id) => keys.find((row) => row[0] === id)[1];
  const claims = (type, id, collectionId, exp = 2524604461) => ({ collectionId, exp, id, type, ...(type === 'auth' ? { refreshable: true } : {}) });
  vars2.old_alice_token = sign(claims('auth', A, USERS, 1640991661), key(A) + SECRET + 'usersauthToken');
  vars2.far_alice_token = sign(claims('auth', A, USERS), key(A) + SECRET + 'usersauthToken');
  vars2.file_alice = sign(claims('file', A, USERS), key(A) + SECRET + 'usersfileToken');
  vars2.file_boss = sign(claims('file', 'boss00000000001', 'exstaff00000001'), key('boss00000000001') + SECRET + 'stafffileToken');
  vars2.file_boss_old = sign(claims('file', 'boss00000000001', 'exstaff00000001', 1640991661), key('boss00000000001') + SECRET + 'stafffileToken');
  vars2.file_boss_as_auth = sign(claims('auth', 'boss00000000001', 'exstaff00000001'), key('boss00000000001') + SECRET + 'staffauthToken');
  vars2.file_of_token = vars2.file_boss;
  return { ...vars2, photo: t1.file, note: t1.files[0], tall: t1.files[1], gif: t1.files[2], webp: t1.files[3], paper_note: d1.papers[0], paper_png: d1.papers[1], paper_pdf: d1.paper };
}

export function meddle(data) {
  const done = spawnSync('python3', ['-c', DATES, join(data, 'data.db')], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`exam: ${done.stderr || done.error}`);
}
