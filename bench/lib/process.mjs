// Processes under measurement: starting, stopping, memory and CPU time (Linux, /proc).
import { spawn } from 'node:child_process';
import { openSync, readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';

const STOP_MS = 20_000;
const TICK_MICROS = 10_000; // Linux counts CPU time for /proc in hundredths of a second.

/** Every process started and not yet ended. */
const running = new Set();

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Starts a program with its output in `log`. Returns {pid, log, ended(): code or null, stop(signal)}. */
export function start(program, args, { log, ...options }) {
  const out = openSync(log, 'w');
  const child = spawn(program, args, { stdio: ['ignore', out, out], ...options });
  let failed = null;
  const gone = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', (error) => { failed = error; resolve(); });
  });
  const it = {
    pid: child.pid,
    log,
    ended: () => failed ?? child.exitCode ?? child.signalCode,
    said: () => readFileSync(log, 'utf8').trim().split('\n').slice(-15).join('\n'),
    async stop(signal = 'SIGTERM') {
      if (it.ended() === null) {
        child.kill(signal);
        const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
        await gone;
        clearTimeout(late);
      }
      running.delete(it);
    },
  };
  running.add(it);
  return it;
}

/** Stops whatever still runs, the last started first: servers before their database. */
async function stopAll() {
  for (const it of [...running].reverse()) await it.stop('SIGINT');
}

/** Runs a program's `main`, says what went wrong, and leaves nothing running, also after a signal. */
export async function toTheEnd(main) {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopAll().finally(() => process.exit(130)));
  try {
    await main();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    await stopAll();
  }
}

function field(file, name) {
  try {
    const line = readFileSync(file, 'utf8').split('\n').find((text) => text.startsWith(`${name}:`));
    return line ? Number(line.match(/\d+/)[0]) / 1024 : 0;
  } catch {
    return 0; // It ended meanwhile.
  }
}

/** {rss, peak} of a process in MB. */
export const memory = (pid) => ({ rss: field(`/proc/${pid}/status`, 'VmRSS'), peak: field(`/proc/${pid}/status`, 'VmHWM') });

/** User and system time of a process so far, in microseconds. */
export function cpu(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
  } catch {
    return 0;
  }
}

function children(pid) {
  const parentOf = (other) => {
    try {
      return Number(readFileSync(`/proc/${other}/stat`, 'utf8').split(') ')[1].split(' ')[1]);
    } catch {
      return 0;
    }
  };
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid).map(Number);
}

/** Memory of a PostgreSQL server and all its processes in MB, pages they share counted once (PSS). */
export const clusterMemory = (postmaster) =>
  [postmaster, ...children(postmaster)].reduce((sum, pid) => sum + field(`/proc/${pid}/smaps_rollup`, 'Pss'), 0);

/** CPU time in microseconds of the sessions that a PostgreSQL server runs for one database. */
export function sessionsCpu(postmaster, database) {
  const ours = (pid) => {
    try {
      // A session's title is `postgres: [cluster:] user database client state`.
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(` ${database} `);
    } catch {
      return false;
    }
  };
  return children(postmaster).filter(ours).reduce((sum, pid) => sum + cpu(pid), 0);
}
