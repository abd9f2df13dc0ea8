// The three servers: how each is started, on which data, and when it is ready.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pocketbasePath } from '../../tests/compat/pocketbase.mjs';
import { freePort, memory, pause, start } from './process.mjs';

export const SUPERUSER = { email: 'root@example.com', password: 'bench-root-pass' };
const HOOKS = fileURLToPath(new URL('../hooks', import.meta.url));
const READY_MS = 90_000;
const POLL_MS = 4;

const cache = join(homedir(), '.cache', 'hangar');

function binary(variable, path, hint) {
  const chosen = process.env[variable] ?? path;
  if (!existsSync(chosen)) throw new Error(`no ${chosen}: ${hint}, or set ${variable}.`);
  return chosen;
}

/** The floor is built here: nothing else needs it. */
function floorPath() {
  if (process.env.BENCH_FLOOR_BIN) return binary('BENCH_FLOOR_BIN');
  const target = process.env.CARGO_TARGET_DIR ?? join(cache, 'target');
  const done = spawnSync('cargo', ['build', '--quiet', '--release', '--locked', '-p', 'bench-floor'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)), env: { ...process.env, CARGO_TARGET_DIR: target }, stdio: 'inherit',
  });
  if (done.status !== 0) throw new Error('building the floor failed; see above.');
  return join(target, 'release', 'bench-floor');
}

/** path(): the program; arguments(server, port): how to serve; makeSuperuser: whether the program has that command. */
const KINDS = {
  hangar: {
    path: () => binary('HANGAR_BIN', join(cache, 'target', 'release', 'hangar'), 'build Hangar'),
    database: true,
    superusers: true,
    serve: ({ data, url, public: files }, port) => [
      'serve', '--dir', data, '--http', `127.0.0.1:${port}`, '--hooks', HOOKS, '--public', files,
      ...(url ? ['--database-url', url] : []),
    ],
  },
  pocketbase: {
    path: pocketbasePath,
    superusers: true,
    serve: ({ data, public: files }, port) => [
      'serve', '--dir', data, '--http', `127.0.0.1:${port}`, '--hooksDir', HOOKS, '--publicDir', files,
      '--automigrate=false', '--hooksWatch=false',
    ],
  },
  floor: {
    path: floorPath,
    database: true,
    superusers: false,
    // BENCH_FLOOR_CONNECTIONS=readers,writers tries other numbers of connections than the best ones known.
    serve: ({ url }, port) => [url, `127.0.0.1:${port}`, ...(process.env.BENCH_FLOOR_CONNECTIONS?.split(',') ?? [])],
  },
};

export const NAMES = Object.keys(KINDS);

/** The program of a contender. */
export const programOf = (name) => KINDS[name].path();

/** A contender with data of its own. `cluster` may be left out for Hangar, which then manages a PostgreSQL itself. */
export class Contender {
  constructor(name, work, cluster) {
    this.name = name;
    this.kind = KINDS[name];
    this.program = this.kind.path();
    this.folder = join(work, cluster || !this.kind.database ? name : `${name}-managed`);
    this.data = join(this.folder, 'data');
    this.public = join(this.folder, 'public');
    for (const each of [this.folder, this.data, this.public]) mkdirSync(each);
    // A server that drops its rights must still be able to enter its own data.
    chmodSync(this.folder, 0o755);
    this.databaseName = `bench_${name}`;
    if (this.kind.database && cluster) {
      cluster.create(this.databaseName);
      this.url = cluster.url(this.databaseName);
    }
    if (this.kind.superusers) {
      const words = ['superuser', 'upsert', SUPERUSER.email, SUPERUSER.password, '--dir', this.data];
      if (this.url) words.push('--database-url', this.url);
      const done = spawnSync(this.program, words, { encoding: 'utf8', cwd: this.folder, timeout: READY_MS });
      if (done.status !== 0) throw new Error(`${name}: making the superuser failed: ${done.stderr || done.stdout || done.error}`);
    }
  }

  /** Starts it and waits until it answers. Returns the milliseconds this took. */
  async start() {
    const port = await freePort();
    this.base = `http://127.0.0.1:${port}`;
    const begun = performance.now();
    this.process = start(this.program, this.kind.serve(this, port), { log: join(this.folder, 'server.log'), cwd: this.folder });
    while (performance.now() - begun < READY_MS) {
      if (this.process.ended() !== null) break;
      try {
        if ((await fetch(`${this.base}/api/health`)).ok) return performance.now() - begun;
      } catch {
        // Not listening yet.
      }
      await pause(POLL_MS);
    }
    throw new Error(`${this.name} did not get ready (${this.process.ended() ?? 'still running'}). Its last output:\n${this.process.said()}`);
  }

  stop() {
    return this.process.stop();
  }

  memory() {
    return memory(this.process.pid);
  }

  /** Calls its API; a non-2xx answer is an error. Returns the parsed body. */
  async call(method, path, { token, body } = {}) {
    const headers = {};
    if (token) headers.authorization = token;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const answer = await fetch(this.base + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${this.name}: ${method} ${path} answered ${answer.status}: ${text.slice(0, 500)}`);
    return text ? JSON.parse(text) : null;
  }
}
