// Starts and stops the two servers under comparison.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pocketbasePath } from '../pocketbase.mjs';

export const SUPERUSER = { email: 'root@example.com', password: 'rootpass123' };
const READY_MS = 90_000;
const STOP_MS = 15_000;

/** Every server started and not yet stopped, so that an exit never leaves one behind. */
const running = new Set();

export function hangarPath() {
  const path = process.env.HANGAR_BIN ?? join(homedir(), '.cache', 'hangar', 'target', 'release', 'hangar');
  if (!existsSync(path)) throw new Error(`no Hangar binary at ${path}; build it or set HANGAR_BIN.`);
  return path;
}

function run(binary, args, options = {}) {
  const done = spawnSync(binary, args, { encoding: 'utf8', timeout: READY_MS, ...options });
  if (done.status !== 0) throw new Error(`${args.slice(0, 2).join(' ')} failed: ${(done.stderr || done.stdout || String(done.error)).trim()}`);
  if (process.env.COMPAT_SAY) console.log(done.stdout);
}

/** How each kind of server is called; a PocketBase may be of another version: `pocketbase@0.23.12`. `folders` = {hooks?, public?} as absolute paths. */
const KINDS = {
  pocketbase: {
    path: pocketbasePath,
    adopt: (_binary, from, data) => cpSync(from, data, { recursive: true }),
    serve: (data, port, folders, work) => [
      'serve', '--dir', data, '--http', `127.0.0.1:${port}`, '--automigrate=false', '--hooksWatch=false',
      '--hooksDir', folders.hooks ?? join(work, 'no_hooks'),
      '--publicDir', folders.public ?? join(work, 'no_public'),
    ],
  },
  hangar: {
    path: hangarPath,
    adopt: (binary, from, data) => run(binary, ['import', 'pocketbase', from, '--dir', data, '--with-logs']),
    serve: (data, port, folders, work) => [
      'serve', '--dir', data, '--http', `127.0.0.1:${port}`,
      '--hooks', folders.hooks ?? join(work, 'no_hooks'),
      '--public', folders.public ?? join(work, 'no_public'),
    ],
  },
};

export const KIND_NAMES = Object.keys(KINDS);

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function tail(file) {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-15).join('\n');
}

/**
 * Starts one server on a fresh data directory with one superuser, or on what it makes of the PocketBase data directory
 * `from`, or on a data directory that is `there`.
 * Returns {kind, base, port, log, stop()}.
 */
export async function startServer(kind, folders = {}, from = null, there = null) {
  const [name, version] = kind.split('@');
  const { path, serve, adopt } = KINDS[name];
  const binary = path(version);
  const work = mkdtempSync(join(tmpdir(), `compat-${kind}-`));
  // A server that drops its rights must still be able to enter its own data.
  chmodSync(work, 0o755);
  const data = there ?? join(work, 'data');
  if (!there) mkdirSync(data);
  const log = join(work, 'server.log');

  try {
    if (from) adopt(binary, from, data);
    else if (!there) run(binary, ['superuser', 'upsert', SUPERUSER.email, SUPERUSER.password, '--dir', data], { cwd: work });
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw new Error(`${kind}: ${error.message}`);
  }

  const port = await freePort();
  const out = openSync(log, 'a');
  const child = spawn(binary, serve(data, port, folders, work), { cwd: work, stdio: ['ignore', out, out] });
  const server = { kind: name, base: `http://127.0.0.1:${port}`, port, log, child, work, data };
  const gone = new Promise((resolve) => child.once('exit', resolve));
  server.stop = async ({ keep = false } = {}) => {
    running.delete(server);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await gone;
      clearTimeout(late);
    }
    if (!keep) rmSync(work, { recursive: true, force: true });
  };
  running.add(server);

  const limit = Date.now() + READY_MS;
  while (Date.now() < limit) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    try {
      if ((await fetch(`${server.base}/api/health`)).ok) return server;
    } catch {
      // Not listening yet.
    }
    await pause(50);
  }
  const ended = child.exitCode ?? child.signalCode;
  const said = tail(log);
  await server.stop();
  const what = ended === null ? `gave no answer within ${READY_MS / 1000} s` : `ended with ${ended} before it was ready`;
  throw new Error(`${kind} ${what}. Its last output:\n${said || '(none)'}`);
}

/** Stops every server still running; for signals and fatal errors. */
export async function stopAll() {
  await Promise.all([...running].map((server) => server.stop()));
}
