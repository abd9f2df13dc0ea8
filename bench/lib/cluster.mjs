// One PostgreSQL of the benchmark's own, on a private socket, set as Hangar sets the one it manages.
import { spawnSync } from 'node:child_process';
import { appendFileSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pause, start } from './process.mjs';

/** Those of host/hangar-cluster/src/settings.rs that matter for speed. */
const SETTINGS = {
  wal_level: 'logical',
  max_wal_senders: 16,
  max_replication_slots: 16,
  max_slot_wal_keep_size: '1GB',
  shared_buffers: '128MB',
  max_connections: 100,
  synchronous_commit: 'on',
  jit: 'off',
  timezone: 'UTC',
};
const READY_MS = 30_000;

/** The folder of PostgreSQL's programs: HANGAR_POSTGRES_BIN, or the newest one where Debian puts them, or PATH. */
export function programs() {
  if (process.env.HANGAR_POSTGRES_BIN) return process.env.HANGAR_POSTGRES_BIN;
  const system = '/usr/lib/postgresql';
  const versions = existsSync(system) ? readdirSync(system).sort((a, b) => b - a) : [];
  const found = versions.map((version) => join(system, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
  if (found) return found;
  const inPath = spawnSync('sh', ['-c', 'dirname "$(command -v initdb)"'], { encoding: 'utf8' }).stdout.trim();
  if (inPath && inPath !== '.') return inPath;
  throw new Error('no PostgreSQL server programs. Install them (apt-get install postgresql) or set HANGAR_POSTGRES_BIN.');
}

/** PostgreSQL refuses to run as root: {uid, gid} of the user it runs as, empty if we are not root. */
function account() {
  if (process.getuid() !== 0) return {};
  const number = (flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  const found = { uid: number('-u'), gid: number('-g') };
  if (!found.uid) throw new Error('running as root needs a user named postgres for the database server.');
  return found;
}

/** Makes and starts a cluster in `folder`. Returns {pid, url(database), create(database), sql(database, text), durable(on), stop()}. */
export async function startCluster(folder) {
  const bin = programs();
  const as = account();
  const data = join(folder, 'pgdata');
  const socket = join(folder, 'pgsocket');
  for (const each of [data, socket]) {
    mkdirSync(each, { mode: 0o700 });
    if (as.uid) chownSync(each, as.uid, as.gid);
  }
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--locale=C'], {
    encoding: 'utf8', cwd: '/', ...as,
  });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr ?? made.error}`);
  const lines = Object.entries(SETTINGS).map(([name, value]) => `${name} = '${value}'`);
  // No TCP: access is trusted, so only this user's programs may reach it.
  lines.push(`listen_addresses = ''`, `unix_socket_directories = '${socket}'`, `unix_socket_permissions = 0700`);
  appendFileSync(join(data, 'postgresql.conf'), `${lines.join('\n')}\n`);

  const server = start(join(bin, 'postgres'), ['-D', data], { log: join(folder, 'postgres.log'), cwd: '/', ...as });
  const sql = (database, text) => {
    const done = spawnSync(join(bin, 'psql'), ['-h', socket, '-U', 'bench', '-d', database, '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text], {
      encoding: 'utf8',
    });
    if (done.status !== 0) throw new Error(`${text}: ${done.stderr ?? done.error}`);
    return done.stdout.trim();
  };
  const limit = Date.now() + READY_MS;
  for (;;) {
    try {
      sql('postgres', 'select 1');
      break;
    } catch (error) {
      if (Date.now() > limit || server.ended() !== null) throw new Error(`PostgreSQL did not start: ${error.message}\n${server.said()}`);
      await pause(50);
    }
  }
  return {
    pid: server.pid,
    version: sql('postgres', 'show server_version'),
    url: (database) => `postgresql://bench@/${database}?host=${encodeURIComponent(socket)}`,
    create: (database) => sql('postgres', `create database ${database}`),
    sql,
    /** Whether a commit waits for the disk; every session follows at once. */
    async durable(on) {
      sql('postgres', `alter system set synchronous_commit = '${on ? 'on' : 'off'}'`);
      sql('postgres', 'select pg_reload_conf()');
      await pause(300);
    },
    stop: () => server.stop('SIGINT'),
  };
}
