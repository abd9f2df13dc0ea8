// `hangar import pocketbase` on directories that cannot be imported: says why, changes nothing on either side.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SUPERUSER, hangarPath, startServer, stopAll } from '../lib/servers.mjs';
import { pocketbasePath } from '../pocketbase.mjs';

const KEY = '0123456789abcdef0123456789abcdef';
const work = mkdtempSync(join(tmpdir(), 'import-damage-'));
chmodSync(work, 0o755);
let hangar;
let sound;

before(async () => {
  hangar = await startServer('hangar');
  sound = await filled('sound');
});
after(async () => {
  await stopAll();
  rmSync(work, { recursive: true, force: true });
});

/** A data directory that PocketBase has made, served once so that its settings and a note are there. */
async function filled(name) {
  const data = join(work, name);
  const server = await startServer('pocketbase');
  const post = async (path, body, token) => {
    const answer = await fetch(server.base + path, { method: 'POST', headers: { 'content-type': 'application/json', authorization: token ?? '' }, body: JSON.stringify(body) });
    assert.equal(answer.status, 200, path);
    return answer.json();
  };
  const { token } = await post('/api/collections/_superusers/auth-with-password', { identity: SUPERUSER.email, password: SUPERUSER.password });
  await post('/api/collections', { name: 'notes', type: 'base', fields: [{ name: 'text', type: 'text' }] }, token);
  await post('/api/collections/notes/records', { text: 'last' }, token);
  // While the server runs the note is in the write-ahead log only.
  cpSync(server.data, `${data}-live`, { recursive: true });
  await server.stop({ keep: true });
  cpSync(server.data, data, { recursive: true });
  rmSync(server.work, { recursive: true, force: true });
  return data;
}

function sql(data, text) {
  const done = spawnSync('python3', ['-c', 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.argv[2]); db.commit()', join(data, 'data.db'), text], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
}

function importing(data, ...options) {
  const done = spawnSync(hangarPath(), ['import', 'pocketbase', data, '--dir', hangar.data, ...options], { encoding: 'utf8', env: { ...process.env, SOME_KEY: KEY, WRONG_KEY: KEY.replace('0', '1') } });
  return { status: done.status, text: done.stdout + done.stderr };
}

/** Everything about the files of a directory. */
function fingerprint(folder) {
  if (!existsSync(folder)) return null;
  return readdirSync(folder, { recursive: true }).sort().map((name) => {
    const path = join(folder, name);
    const stat = statSync(path);
    return [name, stat.size, stat.mtimeMs, stat.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : ''];
  });
}

async function collections() {
  const login = await fetch(`${hangar.base}/api/collections/_superusers/auth-with-password`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ identity: SUPERUSER.email, password: SUPERUSER.password }),
  });
  const { token } = await login.json();
  const answer = await fetch(`${hangar.base}/api/collections?perPage=100`, { headers: { authorization: token } });
  return answer.text();
}

const CASES = [
  ['a folder that is not there', () => join(work, 'nowhere'), ['nowhere']],
  ['an empty folder', (data) => { rmSync(data, { recursive: true }); mkdirSync(data); }, ['no data.db']],
  ['a file that is no database', (data) => writeFileSync(join(data, 'data.db'), 'x'.repeat(5000)), ['not an SQLite database']],
  ['an empty file', (data) => writeFileSync(join(data, 'data.db'), ''), ['not an SQLite database']],
  ['a database that is cut short', (data) => truncateSync(join(data, 'data.db'), 50_000), ['cut short']],
  ['a database with a page overwritten', (data) => {
    const bytes = readFileSync(join(data, 'data.db'));
    bytes.fill(0xff, 8192, 20480);
    writeFileSync(join(data, 'data.db'), bytes);
  }, ['damaged', /malformed|database/]],
  ['a log that was not copied', (data) => writeFileSync(join(data, 'data.db-shm'), 'x'.repeat(32768)), ['data.db-wal is not']],
  ['a database of another program', (data) => {
    rmSync(join(data, 'data.db'));
    sql(data, 'CREATE TABLE t (v)');
  }, ['no table _collections']],
  ['PocketBase 0.22', (data) => sql(data, 'CREATE TABLE _admins (id)'), ['0.22', 'start it once']],
  ['a column of the future', (data) => sql(data, 'ALTER TABLE _collections ADD COLUMN shards TEXT'), ['shards', 'newer']],
  ['a field type of the future', (data) => sql(data, `UPDATE _collections SET fields = replace(fields, '"type":"text"', '"type":"hologram"') WHERE name = 'notes'`), ['notes', 'hologram']],
  ['fields that are no JSON', (data) => sql(data, "UPDATE _collections SET fields = '[{' WHERE name = 'notes'"), ['notes', 'JSON']],
  ['damaged settings', (data) => sql(data, "UPDATE _params SET value = '{\"meta\":' WHERE id = 'settings'"), ['settings']],
];

for (const [name, damage, messages] of CASES) {
  test(name, async () => {
    let data = join(work, name.replaceAll(/\W/g, '-'));
    cpSync(sound, data, { recursive: true });
    data = damage(data) ?? data;
    const [files, api] = [fingerprint(data), await collections()];
    const { status, text } = importing(data);
    assert.equal(status, 1, text);
    for (const message of messages) assert.match(text, message instanceof RegExp ? message : new RegExp(message.replaceAll('.', '\\.')));
    assert.deepEqual(fingerprint(data), files);
    assert.equal(await collections(), api);
  });
}

test('encrypted settings need their key', async () => {
  const data = join(work, 'encrypted');
  const made = spawnSync(pocketbasePath(), ['superuser', 'upsert', SUPERUSER.email, SUPERUSER.password, '--dir', data, '--encryptionEnv', 'SOME_KEY'], { encoding: 'utf8', env: { ...process.env, SOME_KEY: KEY } });
  assert.equal(made.status, 0, made.stderr);
  const [files, api] = [fingerprint(data), await collections()];
  for (const [options, message] of [[[], '--encryption-env'], [['--encryption-env', 'WRONG_KEY'], 'cannot be decrypted'], [['--encryption-env', 'UNSET_KEY'], 'UNSET_KEY']]) {
    const { status, text } = importing(data, ...options);
    assert.equal(status, 1, text);
    assert.ok(text.includes(message), text);
    assert.ok(!text.includes(KEY), 'the key is shown');
  }
  const { status, text } = importing(data, '--encryption-env', 'SOME_KEY', '--dry-run');
  assert.equal(status, 0, text);
  assert.match(text, /settings/);
  assert.deepEqual(fingerprint(data), files);
  assert.equal(await collections(), api);
});

test('a dry run tells what would happen and changes nothing', async () => {
  for (const data of [sound, `${sound}-live`]) {
    const [files, api] = [fingerprint(data), await collections()];
    const { status, text } = importing(data, '--dry-run');
    assert.equal(status, 0, text);
    assert.match(text, /Would import/);
    assert.match(text, /notes: 1 records/);
    assert.deepEqual(fingerprint(data), files);
    assert.equal(await collections(), api);
  }
});

test('a database with data of its own is replaced only if that is wanted', async () => {
  const first = importing(sound);
  assert.equal(first.status, 0, first.text);
  const again = importing(sound);
  assert.equal(again.status, 1, again.text);
  assert.match(again.text, /notes.*--force/);
  const forced = importing(`${sound}-live`, '--force');
  assert.equal(forced.status, 0, forced.text);
  assert.match(forced.text, /notes: 1 records/);
});
