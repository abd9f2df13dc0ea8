// Ten minutes of mixed load on Hangar; whether its memory stays flat. See README.md.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startCluster } from './lib/cluster.mjs';
import { Contender } from './lib/contenders.mjs';
import { memory, pause, toTheEnd } from './lib/process.mjs';
import { seed } from './lib/seed.mjs';
import { prepare } from './lib/workloads.mjs';
import { needWrk, writeLoad, wrk } from './lib/wrk.mjs';

/** What runs at once: workload and connections. */
const MIX = { view: 4, list: 2, 'list-total': 1, create: 2, hook: 4, route: 2, refresh: 2 };
const SAMPLE_MS = 5000;
/** The first part of the run fills pools and caches; growth is looked for in what follows. */
const WARM = 0.2;

/** Least squares: MB a minute. */
function slope(samples) {
  const mean = (of) => samples.reduce((sum, each) => sum + of(each), 0) / samples.length;
  const [atMean, mbMean] = [mean(({ at }) => at), mean(({ rss }) => rss)];
  const above = samples.reduce((sum, { at, rss }) => sum + (at - atMean) * (rss - mbMean), 0);
  const below = samples.reduce((sum, { at }) => sum + (at - atMean) ** 2, 0);
  return below ? (above / below) * 60 : 0;
}

async function main() {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '600' }, out: { type: 'string' } } });
  const seconds = Number(values.seconds);
  if (!Number.isInteger(seconds) || seconds < 10 || seconds > 86_400) throw new Error('--seconds must be a whole number from 10 to 86400.');
  needWrk();
  const work = mkdtempSync(join(tmpdir(), 'soak-'));
  chmodSync(work, 0o755);
  process.once('exit', () => rmSync(work, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));
  const cluster = await startCluster(work);
  const hangar = new Contender('hangar', work, cluster);
  await hangar.start();
  await seed(hangar);

  const loads = [];
  for (const [workload, connections] of Object.entries(MIX)) {
    loads.push([workload, connections, writeLoad(work, `soak-${workload}`, await prepare(hangar, workload))]);
  }
  const before = { load: loadavg()[0], rss: memory(hangar.process.pid).rss };
  const begun = Date.now();
  const running = Promise.all(loads.map(async ([workload, connections, file]) => [workload, await wrk(hangar.base, file, { connections, seconds })]));
  let done = false;
  running.finally(() => { done = true; }).catch(() => {});
  const samples = [];
  while (!done) {
    await Promise.race([running.catch(() => {}), pause(SAMPLE_MS)]);
    if (!done) samples.push({ at: (Date.now() - begun) / 1000, rss: memory(hangar.process.pid).rss });
  }
  const results = Object.fromEntries(await running);
  await hangar.stop();
  await cluster.stop();

  const settled = samples.filter(({ at }) => at >= seconds * WARM);
  const grows = slope(settled);
  const [least, most] = [Math.min, Math.max].map((of) => of(...settled.map(({ rss }) => rss)));
  for (const [workload, { rps, p99, failures }] of Object.entries(results)) {
    console.log(`${workload.padEnd(12)} ${Math.round(rps)} req/s, p99 ${p99.toFixed(1)} ms${Object.keys(failures).length ? `, FAILURES ${JSON.stringify(failures)}` : ''}`);
  }
  for (const { at, rss } of samples.filter((_, index) => index % Math.ceil(samples.length / 20) === 0)) {
    console.log(`${String(Math.round(at)).padStart(5)} s ${rss.toFixed(0).padStart(5)} MB ${'#'.repeat(Math.round(rss / 8))}`);
  }
  console.log(`before ${before.rss.toFixed(0)} MB; after ${Math.round(seconds * WARM)} s between ${least.toFixed(0)} and ${most.toFixed(0)} MB, ${grows.toFixed(2)} MB a minute`);
  const result = { at: new Date().toISOString(), cores: cpus().length, seconds, mix: MIX, before, grows, least, most, results, samples };
  const folder = fileURLToPath(new URL('runs', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const out = values.out ?? join(folder, `${result.at.slice(0, 16).replaceAll(':', '')}Z-soak-${result.cores}core.json`);
  writeFileSync(out, `${JSON.stringify(result, null, 1)}\n`);
  console.log(`raw results: ${out}`);
}

await toTheEnd(main);
