// An S3 service with one bucket, for as long as a pair of servers runs.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'scripts', 's3-server');
const READY_MS = 180_000;

const freePort = () => new Promise((found) => {
  const probe = createServer();
  probe.listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => found(port));
  });
});

/** Starts one with the bucket `files`; answers its address and how to stop it. */
export async function startS3() {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const child = spawn(SCRIPT, [String(port)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const gone = new Promise((done) => child.once('exit', done));
  const stop = () => {
    child.kill();
    return gone;
  };
  // An end of this process by a signal must not leave it behind.
  const end = () => child.kill();
  process.once('exit', end);
  const limit = Date.now() + READY_MS;
  while (Date.now() < limit && child.exitCode === null) {
    try {
      if ((await fetch(`${base}/files`, { method: 'PUT' })).ok) {
        return { base, stop: () => stop().finally(() => process.removeListener('exit', end)) };
      }
    } catch {
      // Not listening yet.
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  await stop();
  throw new Error('the S3 service (scripts/s3-server) does not start.');
}
