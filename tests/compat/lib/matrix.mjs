// The generated table: every route × who asks × what the rule says. Cases by hand go deeper; this one leaves nothing out.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const PLUGINS = resolve(HERE, '..', '..', '..', 'plugins');
const UNCOVERED = resolve(HERE, '..', 'uncovered.txt');

/** Name of the file the steps pretend to come from. */
const FILE = '90-matrix';

/** Who asks. An identity with a `token` sends that instead of its captured one. */
const WHO = [
  { name: 'guest' },
  { name: 'bad' },
  { name: 'expired', token: '{{expired alice_token}}' },
  { name: 'unsigned', token: '{{unsigned superuser_token}}' },
  { name: 'alice' },
  { name: 'bob' },
  { name: 'carl' },
  { name: 'impersonated' },
  { name: 'superuser' },
];

/** What the rules of a collection say. `owner` is met for alice and whoever acts as her. */
const RULES = { null: null, open: '', met: 'title != "nothing"', unmet: 'title = "nothing"', owner: 'owner = @request.auth.id' };

const RECORD_ROUTES = '/api/collections/{collection}/records';

/** Routes for superusers, each with a harmless request. */
const SUPERUSER_ROUTES = [
  ['GET', '/api/collections', '/api/collections?perPage=1&fields=page,perPage'],
  ['POST', '/api/collections', undefined, '{"name":"_"}'],
  ['PUT', '/api/collections/import', undefined, '{"collections":[]}'],
  ['GET', '/api/collections/meta/scaffolds', '/api/collections/meta/scaffolds?fields=base.name,auth.type,view.id'],
  ['GET', '/api/collections/meta/oauth2-providers', '/api/collections/meta/oauth2-providers?fields=name'],
  ['POST', '/api/collections/meta/dry-run-view', undefined, '{}'],
  ['GET', '/api/collections/{collection}', '/api/collections/mx_base_open?fields=name,type,listRule'],
  ['GET', '/api/collections/{collection}', '/api/collections/mx_nothere'],
  ['PATCH', '/api/collections/{collection}', '/api/collections/mx_base_open', '{"listRule":""}'],
  ['DELETE', '/api/collections/{collection}', '/api/collections/_otps'],
  ['DELETE', '/api/collections/{collection}/truncate', '/api/collections/mx_empty/truncate'],
  ['GET', '/api/settings', '/api/settings?fields=meta.appName'],
  ['PATCH', '/api/settings', undefined, '{"meta":{"appURL":"nope"}}'],
  ['POST', '/api/settings/test/s3', undefined, '{}'],
  ['POST', '/api/settings/test/email', undefined, '{}'],
  ['POST', '/api/settings/apple/generate-client-secret', undefined, '{}'],
  ['GET', '/api/logs', "/api/logs?perPage=0&fields=page&filter=id%3D'nothere'", undefined],
  ['DELETE', '/api/logs'],
  ['GET', '/api/logs/stats', '/api/logs/stats?filter=nope'],
  ['GET', '/api/logs/{id}', '/api/logs/nothere'],
  ['GET', '/api/backups', '/api/backups?fields=nothing'],
  ['POST', '/api/backups', undefined, '{"name":"!"}'],
  ['POST', '/api/backups/upload', undefined, '{}'],
  ['DELETE', '/api/backups/{key}', '/api/backups/nothere.zip'],
  ['POST', '/api/backups/{key}/restore', '/api/backups/nothere.zip/restore', '{}'],
  ['GET', '/api/crons', '/api/crons?fields=nothing'],
  ['POST', '/api/crons/{id}', '/api/crons/nothere'],
  ['POST', '/api/sql', undefined, '{}'],
];

/** Routes for anybody. `{c}` is tried with each kind of collection. */
const OPEN_ROUTES = [
  ['GET', '/api/health', '/api/health?fields=code,message'],
  ['GET', '/api/backups/{key}', '/api/backups/nothere.zip'],
  ['POST', '/api/batch', undefined, '{"requests":[]}'],
  ['POST', '/api/realtime', undefined, '{"clientId":"nothere","subscriptions":[]}'],
  ['POST', '/api/realtime', undefined, '{}'],
  ['GET', '/api/oauth2-redirect', '/api/oauth2-redirect?state=nothere&code=1'],
  ['POST', '/api/oauth2-redirect', undefined, '{"state":"nothere","code":"1"}'],
  ['POST', '/api/files/token', '/api/files/token?fields=nothing'],
  ['GET', '/api/files/{collection}/{record}/{filename}', '/api/files/mx_base_open/mx0000000000000/nothere.png'],
];

const AUTH_ROUTES = [
  ['GET', 'auth-methods'],
  ['POST', 'auth-with-password', '{}'],
  ['POST', 'auth-with-password', '{"identity":"nobody@example.com","password":"wrong"}'],
  ['POST', 'auth-with-oauth2', '{}'],
  ['POST', 'request-otp', '{}'],
  ['POST', 'auth-with-otp', '{}'],
  ['POST', 'auth-with-otp', '{"otpId":"nothere","password":"12345678"}'],
  ['POST', 'request-password-reset', '{}'],
  ['POST', 'request-password-reset', '{"email":"nobody@example.com"}'],
  ['POST', 'confirm-password-reset', '{}'],
  ['POST', 'confirm-password-reset', '{"token":"a.b.c","password":"12345678","passwordConfirm":"12345678"}'],
  ['POST', 'request-verification', '{}'],
  ['POST', 'request-verification', '{"email":"nobody@example.com"}'],
  ['POST', 'confirm-verification', '{}'],
  ['POST', 'confirm-verification', '{"token":"a.b.c"}'],
  ['POST', 'request-email-change', '{}'],
  ['POST', 'confirm-email-change', '{}'],
  ['POST', 'confirm-email-change', '{"token":"a.b.c","password":"12345678"}'],
  ['POST', 'auth-refresh', '{}'],
  ['POST', 'impersonate/{id}', '{}'],
];
const AUTH_COLLECTIONS = ['users', 'members', '_superusers', 'mx_base_open', 'mx_nothere'];

const KINDS = {
  base: (name, rule) => ({ name, type: 'base', listRule: rule, viewRule: rule, createRule: rule, updateRule: rule, deleteRule: rule,
    fields: [{ name: 'title', type: 'text' }, { name: 'owner', type: 'text' }, { name: 'secret', type: 'text', hidden: true }] }),
  auth: (name, rule) => ({ ...KINDS.base(name, rule), type: 'auth' }),
  view: (name, rule) => ({ name, type: 'view', listRule: rule, viewRule: rule, viewQuery: 'SELECT id, title, owner FROM mx_base_open' }),
};

class Steps {
  constructor() {
    this.all = [];
    this.covered = new Set();
  }

  add(name, method, path, { who = { name: 'superuser' }, body = null, route, captures = [], masks = [] } = {}) {
    if (route) this.covered.add(`${method} ${route}`);
    const headers = who.token ? [['authorization', who.token]] : [];
    const as = who.token ? 'guest' : who.name;
    // What could not be removed is told with its path on the disk.
    const options = route === '/api/backups/{key}' ? { compare: ['status', 'headers'] } : {};
    this.all.push({ id: `${FILE}/${name}`, name, method, path, as, query: [], headers, body, captures, masks, options, rows: null });
  }
}

function setup(steps) {
  steps.add('setup/impersonate', 'POST', '/api/collections/users/impersonate/alice0000000001', { body: '{"duration":600}', captures: [['impersonated_token', 'token']] });
  steps.add('setup/empty', 'POST', '/api/collections', { body: '{"name":"mx_empty"}' });
  for (const [kind, make] of Object.entries(KINDS)) {
    for (const [state, rule] of Object.entries(RULES)) {
      const body = JSON.stringify(make(`mx_${kind}_${state}`, rule));
      // Fields of views have random ids.
      steps.add(`setup/${kind} ${state}`, 'POST', '/api/collections', { body, masks: kind === 'view' ? ['fields.*.id'] : [] });
    }
  }
}

/** 15 characters that tell who did what: ids are fixed so that answers can be compared. */
const id = (kind, state, what, who) => `${kind[0]}${state[0]}${what}${who}xxxxxxxxxxxxxxx`.toLowerCase().replaceAll(/[^a-z0-9]/g, '').slice(0, 15);

function credentials(kind, key) {
  return kind === 'auth' ? { email: `${key}@example.com`, password: '1234567890', passwordConfirm: '1234567890' } : {};
}

function records(steps) {
  for (const kind of Object.keys(KINDS)) {
    for (const state of Object.keys(RULES)) {
      const path = `/api/collections/mx_${kind}_${state}/records`;
      const stored = id(kind, state, 'stored', '');
      if (kind !== 'view') {
        steps.add(`${kind}/${state}/stored`, 'POST', path, { body: JSON.stringify({ id: stored, title: 'stored', owner: 'alice0000000001', secret: 's', ...credentials(kind, stored) }) });
      }
      for (const who of WHO) {
        const at = `${kind}/${state}/${who.name}`;
        const fresh = id(kind, state, 'n', who.name);
        const victim = id(kind, state, 'd', who.name);
        const seen = kind === 'view' ? id('base', 'open', 'stored', '') : stored;
        const route = RECORD_ROUTES;
        const own = credentials(kind, `${kind}${state}${who.name}`);
        if (kind !== 'view') steps.add(`${at}/victim`, 'POST', path, { body: JSON.stringify({ id: victim, title: 'victim', owner: 'alice0000000001', ...credentials(kind, victim) }) });
        steps.add(`${at}/list`, 'GET', `${path}?sort=id&perPage=2`, { who, route });
        steps.add(`${at}/view`, 'GET', `${path}/${seen}`, { who, route: `${route}/{id}` });
        steps.add(`${at}/view missing`, 'GET', `${path}/missing00000000`, { who, route: `${route}/{id}` });
        steps.add(`${at}/create`, 'POST', path, { who, route, body: JSON.stringify({ id: fresh, title: 'new', owner: 'alice0000000001', secret: 'x', ...own }) });
        steps.add(`${at}/update`, 'PATCH', `${path}/${seen}`, { who, route: `${route}/{id}`, body: '{"title":"changed","secret":"y"}' });
        steps.add(`${at}/update missing`, 'PATCH', `${path}/missing00000000`, { who, route: `${route}/{id}`, body: '{"title":"changed"}' });
        steps.add(`${at}/delete`, 'DELETE', `${path}/${kind === 'view' ? seen : victim}`, { who, route: `${route}/{id}` });
        steps.add(`${at}/delete missing`, 'DELETE', `${path}/missing00000000`, { who, route: `${route}/{id}` });
      }
    }
  }
}

function others(steps) {
  for (const who of WHO) {
    for (const [at, [method, route, path = route, body = null]] of [...SUPERUSER_ROUTES, ...OPEN_ROUTES].entries()) {
      steps.add(`routes/${who.name}/${at} ${method} ${route}`, method, path, { who, route, body });
    }
    for (const collection of AUTH_COLLECTIONS) {
      for (const [at, [method, name, body = null]] of AUTH_ROUTES.entries()) {
        const path = `/api/collections/${collection}/${name.replace('{id}', 'alice0000000001')}`;
        steps.add(`auth/${collection}/${who.name}/${at} ${name}`, method, path, { who, route: `/api/collections/{collection}/${name}`, body });
      }
    }
  }
}

/** The routes the shipped plugins declare, as `METHOD path` with the parameters named as above. */
function declared() {
  const routes = [];
  for (const plugin of readdirSync(PLUGINS)) {
    let manifest;
    try {
      manifest = JSON.parse(readFileSync(join(PLUGINS, plugin, 'manifest.json'), 'utf8'));
    } catch {
      continue; // A library, not a plugin.
    }
    for (const { method, path } of manifest.routes ?? []) {
      if (path.startsWith('/api/')) routes.push(`${method} ${path}`);
    }
  }
  return routes;
}

const shape = (route) => route.replaceAll(/\{[^}]*\}/g, '{}');

/** All steps; throws if a declared route is neither in the table nor in uncovered.txt, or is in both. */
export function matrix() {
  const steps = new Steps();
  setup(steps);
  records(steps);
  others(steps);
  const listed = readFileSync(UNCOVERED, 'utf8').split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split(/\s{2,}/)[0]);
  const covered = new Set([...steps.covered].map(shape));
  const missing = declared().filter((route) => !covered.has(shape(route)) && !listed.includes(route));
  if (missing.length > 0) throw new Error(`routes that the table of tests/compat/lib/matrix.mjs leaves out: ${missing.join(', ')}`);
  const stale = listed.filter((route) => covered.has(shape(route)) || !declared().includes(route));
  if (stale.length > 0) throw new Error(`tests/compat/uncovered.txt lists routes that are covered or gone: ${stale.join(', ')}`);
  return { name: FILE, server: { table: 'matrix' }, steps: steps.all };
}
