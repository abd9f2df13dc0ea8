// Runs wrk against one address and reads what it measured.
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('load.lua', import.meta.url));

/** Makes sure that wrk is there; installs it where that is one command. */
export function needWrk() {
  if (spawnSync('wrk', ['--version']).error === undefined) return;
  if (process.getuid() !== 0) throw new Error('wrk is missing. Install it: sudo apt-get install wrk');
  console.log('installing wrk');
  for (const words of [['update', '-q'], ['install', '-y', '-q', 'wrk']]) {
    const done = spawnSync('apt-get', words, { encoding: 'utf8' });
    if (done.error || done.status !== 0) throw new Error(`wrk is missing and apt-get ${words[0]} failed: ${done.stderr ?? done.error}`);
  }
}

// JSON's quoting of plain ASCII is also Lua's.
const lua = (text) => JSON.stringify(text);

/** Writes one request set ({method, headers, body, paths}) for the Lua script; returns the file. */
export function writeLoad(folder, name, { method = 'GET', headers = {}, body, paths }) {
  const fields = [
    `method = ${lua(method)}`,
    `headers = {${Object.entries(headers).map(([key, value]) => `[${lua(key)}] = ${lua(value)}`).join(', ')}}`,
    `paths = {${paths.map(lua).join(', ')}}`,
  ];
  if (body !== undefined) fields.push(`body = ${lua(body)}`);
  const file = join(folder, `${name}.lua`);
  writeFileSync(file, `return { ${fields.join(', ')} }\n`);
  return file;
}

/**
 * Loads `base` for `seconds` over `connections`.
 * Returns {rps, p50, p99, max (ms), requests, bytesEach, failures: {kind: count}}; failures holds the non-zero kinds only.
 */
export async function wrk(base, load, { connections, seconds }) {
  const child = spawn('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '5s', '-s', SCRIPT, base, '--', load]);
  let said = '';
  child.stdout.on('data', (part) => { said += part; });
  child.stderr.on('data', (part) => { said += part; });
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const line = said.split('\n').find((text) => text.startsWith('RESULT '));
  if (!line) throw new Error(`wrk gave no result:\n${said}`);
  const { micros, requests, bytes, p50, p99, max, ...counts } = JSON.parse(line.slice('RESULT '.length));
  return {
    rps: requests / (micros / 1e6),
    p50: p50 / 1000,
    p99: p99 / 1000,
    max: max / 1000,
    requests,
    bytesEach: requests ? bytes / requests : 0,
    failures: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
  };
}
