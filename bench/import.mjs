// How long `hangar import pocketbase` takes over a large data directory, and how much memory. See README.md.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Contender, SUPERUSER, programOf } from './lib/contenders.mjs';
import { cpu, freePort, memory, pause, start, toTheEnd } from './lib/process.mjs';

const AUTHORS = 1000;
const SAMPLE_MS = 50;
const READY_MS = 120_000;
/** Written behind PocketBase's back, as its API would write it: through the API this many would take hours. */
const FILL = `
import sqlite3, sys
path, count, authors = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
db = sqlite3.connect(path)
db.execute("PRAGMA synchronous = OFF")
db.executemany("INSERT INTO authors (id, name) VALUES (?, ?)", ((f"a{n:014}", f"Author {n}") for n in range(authors)))
def row(n):
    date = f"2024-{1 + n % 12:02}-{1 + n % 28:02} {n % 24:02}:{n % 60:02}:{n // 7 % 60:02}.{n % 1000:03}Z"
    return (f"i{n:014}", f"Item {n}: the quick brown fox jumps over the lazy dog", n * 7919 % count, n % 3 == 0, date,
            f'{{"n":{n},"tags":["a","b"]}}', ["red", "green", "blue"][n % 3], f"user{n}@example.com", f"a{n * 31 % authors:014}", date, date)
db.executemany("INSERT INTO items (id, title, n, flag, day, data, colour, email, author, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(row, range(count)))
db.commit()
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
`;

const field = (type, name, more = {}) => ({ type, name, ...more });

/** A data directory of PocketBase's with that many records. */
async function fill(work, records) {
  const pocketbase = new Contender('pocketbase', work);
  await pocketbase.start();
  const { token } = await pocketbase.call('POST', '/api/collections/_superusers/auth-with-password', { body: { identity: SUPERUSER.email, password: SUPERUSER.password } });
  const create = (body) => pocketbase.call('POST', '/api/collections', { token, body });
  const authors = await create({ name: 'authors', type: 'base', listRule: '', fields: [field('text', 'name')] });
  await create({
    name: 'items', type: 'base', listRule: '', indexes: ['CREATE INDEX `items_n` ON `items` (`n`)', 'CREATE UNIQUE INDEX `items_email` ON `items` (`email`)'],
    fields: [
      field('text', 'title'), field('number', 'n'), field('bool', 'flag'), field('date', 'day'), field('json', 'data'),
      field('select', 'colour', { values: ['red', 'green', 'blue'] }), field('email', 'email'), field('relation', 'author', { collectionId: authors.id }),
      field('autodate', 'created', { onCreate: true }), field('autodate', 'updated', { onCreate: true, onUpdate: true }),
    ],
  });
  await pocketbase.stop();
  const filled = spawnSync('python3', ['-c', FILL, join(pocketbase.data, 'data.db'), String(records), String(AUTHORS)], { encoding: 'utf8' });
  if (filled.status !== 0) throw new Error(`filling the directory failed: ${filled.stderr ?? filled.error}`);
  return pocketbase.data;
}

/** Bytes of a folder. */
function size(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0);
}

/** Runs a command to its end. Returns its time, the most memory it used and its time of CPU. */
async function measured(program, args, log, cwd) {
  const begun = performance.now();
  const run = start(program, args, { log, cwd });
  const used = { peakMB: 0, cpuSeconds: 0 };
  while (run.ended() === null) {
    used.peakMB = Math.max(used.peakMB, memory(run.pid).peak);
    used.cpuSeconds = Math.max(used.cpuSeconds, cpu(run.pid) / 1e6);
    await pause(SAMPLE_MS);
  }
  if (run.ended() !== 0) throw new Error(`${args.slice(0, 2).join(' ')} failed (${run.ended()}):\n${run.said()}`);
  return { seconds: (performance.now() - begun) / 1000, ...used };
}

/** The imported records as the server shows them; throws if any is missing. */
async function check(program, data, work, records) {
  const port = await freePort();
  const server = start(program, ['serve', '--dir', data, '--http', `127.0.0.1:${port}`, '--hooks', join(work, 'no-hooks'), '--public', join(work, 'no-public')], { log: join(work, 'serve.log'), cwd: work });
  const ask = async (query) => (await fetch(`http://127.0.0.1:${port}/api/collections/items/records?${query}`)).json();
  for (const limit = Date.now() + READY_MS; ; await pause(100)) {
    if (server.ended() !== null || Date.now() > limit) throw new Error(`the server did not start on what was imported:\n${server.said()}`);
    const answered = await ask('perPage=1').catch(() => null);
    if (!answered) continue;
    const last = await ask(`perPage=1&skipTotal=1&expand=author&filter=${encodeURIComponent(`email="user${records - 1}@example.com"`)}`);
    if (answered.totalItems !== records) throw new Error(`${answered.totalItems} records of ${records} were imported`);
    if (last.items[0]?.id !== `i${String(records - 1).padStart(14, '0')}` && records > AUTHORS) throw new Error(`the last record is not what it was: ${JSON.stringify(last)}`);
    break;
  }
  await server.stop();
}

async function main() {
  const { values } = parseArgs({ options: { records: { type: 'string', default: '1000000' }, out: { type: 'string' } } });
  const records = Number(values.records);
  if (!Number.isInteger(records) || records < 1 || records > 100_000_000) throw new Error('--records must be a whole number up to 100000000.');
  const work = mkdtempSync(join(tmpdir(), 'bench-import-'));
  chmodSync(work, 0o755);
  process.once('exit', () => rmSync(work, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));
  const from = await fill(work, records);
  const bytes = size(from);
  console.log(`${records} records, ${(bytes / 2 ** 20).toFixed(0)} MB`);

  const program = programOf('hangar');
  const data = join(work, 'hangar');
  mkdirSync(data);
  const before = loadavg()[0];
  // Any command on a new directory makes the cluster and compiles the components, once.
  const first = await measured(program, ['backup', 'list', '--dir', data], join(work, 'first.log'), work);
  const moved = await measured(program, ['import', 'pocketbase', from, '--dir', data], join(work, 'import.log'), work);
  await check(program, data, work, records);

  const result = {
    at: new Date().toISOString(), cores: cpus().length, load: before, records, sourceBytes: bytes, dataBytes: size(data),
    first, ...moved, recordsPerSecond: records / moved.seconds,
  };
  console.log(`a new directory: ${first.seconds.toFixed(1)} s, ${first.peakMB.toFixed(0)} MB`);
  console.log(`the import: ${moved.seconds.toFixed(1)} s, ${Math.round(result.recordsPerSecond)} records/s; hangar used ${moved.cpuSeconds.toFixed(1)} s of CPU and ${moved.peakMB.toFixed(0)} MB at most`);
  console.log(readFileSync(join(work, 'import.log'), 'utf8').trim().split('\n').slice(-8).join('\n'));
  const runs = fileURLToPath(new URL('runs', import.meta.url));
  mkdirSync(runs, { recursive: true });
  const out = values.out ?? join(runs, `${result.at.slice(0, 16).replaceAll(':', '')}Z-import-${result.cores}core.json`);
  writeFileSync(out, `${JSON.stringify(result, null, 1)}\n`);
  console.log(`raw results: ${out}`);
}

await toTheEnd(main);
