// `hangar export`, `hangar import` and `hangar backup`: what goes out comes back as it was.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SUPERUSER, hangarPath, startServer, stopAll } from '../lib/servers.mjs';

const work = mkdtempSync(join(tmpdir(), 'moving-'));
chmodSync(work, 0o755);
let hangar;
let token;

before(async () => {
  hangar = await startServer('hangar');
  token = (await call(hangar, 'POST', '/api/collections/_superusers/auth-with-password', { identity: SUPERUSER.email, password: SUPERUSER.password })).token;
  await call(hangar, 'POST', '/api/collections', {
    name: 'things', type: 'base', listRule: '', indexes: ['CREATE UNIQUE INDEX things_text ON things (text COLLATE NOCASE)'],
    fields: [{ name: 'text', type: 'text' }, { name: 'json', type: 'json' }, { name: 'tags', type: 'select', values: ['a', 'b'], maxSelect: 2 }, { name: 'when', type: 'date' }, { name: 'at', type: 'geoPoint' }, { name: 'made', type: 'autodate', onCreate: true }],
  });
  for (const [n, json] of [null, '"5"', '5', { b: [1, 'é\t\\ "'], a: null }, 'true', '"true"', 'plain'].entries()) {
    await call(hangar, 'POST', '/api/collections/things/records', { text: `t${n}\n\\N`, json, tags: n % 2 ? ['b', 'a'] : [], when: n ? '2024-02-03 04:05:06.789Z' : '', at: { lon: n, lat: -n } });
  }
  await call(hangar, 'POST', '/api/collections/users/records', { email: 'a@example.com', password: 'password1', passwordConfirm: 'password1' });
  // A file, as it lies on the disk.
  mkdirSync(join(hangar.data, 'storage', 'c', 'r'), { recursive: true });
  writeFileSync(join(hangar.data, 'storage', 'c', 'r', 'f.txt'), 'content');
});
after(async () => {
  await stopAll();
  rmSync(work, { recursive: true, force: true });
});

async function call(server, method, path, body) {
  const answer = await fetch(server.base + path, { method, headers: { 'content-type': 'application/json', authorization: token ?? '' }, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

function run(...args) {
  const done = spawnSync(hangarPath(), args, { encoding: 'utf8' });
  return { status: done.status, text: done.stdout + done.stderr };
}

/** Everything a superuser sees. */
async function state(server) {
  const paths = ['/api/collections?perPage=100&sort=name', '/api/settings', ...['things', 'users', '_superusers'].map((name) => `/api/collections/${name}/records?sort=@rowid`)];
  return Promise.all(paths.map((path) => call(server, 'GET', path)));
}

/** Runs Hangar on a data directory that is there. */
async function on(data, work) {
  const server = await startServer('hangar', {}, null, data);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

test('an archive holds everything', async () => {
  const file = join(work, 'all.zip');
  const exported = run('export', file, '--dir', hangar.data);
  assert.equal(exported.status, 0, exported.text);
  assert.match(exported.text, /things: 7 records/);
  const again = run('export', file, '--dir', hangar.data);
  assert.equal(again.status, 1, 'a file that is there is not replaced');
  const data = join(work, 'other');
  const dry = run('import', file, '--dir', data, '--dry-run');
  assert.equal(dry.status, 0, dry.text);
  const imported = run('import', file, '--dir', data);
  assert.equal(imported.status, 0, imported.text);
  assert.equal(readFileSync(join(data, 'storage', 'c', 'r', 'f.txt'), 'utf8'), 'content');
  const refused = run('import', file, '--dir', data);
  assert.equal(refused.status, 1, refused.text);
  assert.match(refused.text, /--force/);
  await on(data, async (server) => {
    // The token was issued before, by another server with the same secrets.
    assert.deepEqual(await state(server), await state(hangar));
    const login = await call(server, 'POST', '/api/collections/users/auth-with-password', { identity: 'a@example.com', password: 'password1' });
    assert.equal(login.record.email, 'a@example.com');
  });
});

test('what is no archive is refused', () => {
  const data = join(work, 'none');
  writeFileSync(join(work, 'text.zip'), 'no zip');
  for (const [file, message] of [['text.zip', /no ZIP/], ['nothing.zip', /nothing\.zip/]]) {
    const { status, text } = run('import', join(work, file), '--dir', data);
    assert.equal(status, 1, text);
    assert.match(text, message);
  }
});

test('a backup brings everything back', async () => {
  await call(hangar, 'POST', '/api/backups', { name: 'first.zip' });
  const [listed] = await call(hangar, 'GET', '/api/backups');
  assert.equal(listed.key, 'first.zip');
  const before = await state(hangar);
  await call(hangar, 'POST', '/api/collections/things/records', { text: 'later' });
  await call(hangar, 'DELETE', '/api/collections/users');
  rmSync(join(hangar.data, 'storage', 'c'), { recursive: true });
  await hangar.stop({ keep: true });
  for (const [name, message] of [['none.zip', /none\.zip/], [join(work, 'text.zip'), /no ZIP/], [join(work, 'all.zip'), /no backup of Hangar/]]) {
    const { status, text } = run('backup', 'restore', name, '--dir', hangar.data);
    assert.equal(status, 1, text);
    assert.match(text, message);
  }
  assert.match(run('backup', 'list', '--dir', hangar.data).text, /first\.zip/);
  const restored = run('backup', 'restore', 'first.zip', '--dir', hangar.data);
  assert.equal(restored.status, 0, restored.text);
  assert.equal(readFileSync(join(hangar.data, 'storage', 'c', 'r', 'f.txt'), 'utf8'), 'content');
  await on(hangar.data, async (server) => assert.deepEqual(await state(server), before));
  const made = run('backup', 'create', '--dir', hangar.data);
  assert.equal(made.status, 0, made.text);
  const [, name] = /backup (\S+\.zip)/.exec(made.text);
  assert.ok(existsSync(join(hangar.data, 'backups', name)));
  rmSync(hangar.work, { recursive: true, force: true });
});
