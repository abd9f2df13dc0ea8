// Loads Hangar, PocketBase and the floor in turns on one machine and compares them. See README.md.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startCluster } from './lib/cluster.mjs';
import { Contender, NAMES } from './lib/contenders.mjs';
import { clusterMemory, cpu, pause, sessionsCpu, toTheEnd } from './lib/process.mjs';
import { median, report } from './lib/report.mjs';
import { seedRecords } from './lib/records.mjs';
import { seed } from './lib/seed.mjs';
import { measuredAs, prepare, suite, WORKLOADS } from './lib/workloads.mjs';
import { needWrk, writeLoad, wrk } from './lib/wrk.mjs';

const STARTS = 3;
const SETTLE_MS = 3000;
/** What is loaded before a suite, and whom it compares. */
const SUITES = {
  core: { fill: seed, contenders: NAMES },
  records: { fill: seedRecords, contenders: ['hangar', 'pocketbase'] },
};
const USE = `node bench/run.mjs [options]
  --suite NAME        of ${Object.keys(SUITES).join(', ')}; default core
  --only LIST         of ${Object.keys(WORKLOADS).join(', ')}
  --contenders LIST   of ${NAMES.join(', ')}
  --connections LIST  default 1,32
  --rounds N          default 3
  --seconds N         of each measurement, default 4
  --warmup N          seconds before each measurement, default 1
  --quick             one round of 2 s at 32 connections; nothing is saved
  --out FILE          where the raw results go; default bench/runs/<time>-<cores>core.json`;

function options() {
  const text = { type: 'string' };
  const { values } = parseArgs({
    options: {
      suite: text, only: text, contenders: text, connections: text, rounds: text, seconds: text, warmup: text, out: text,
      quick: { type: 'boolean' }, help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(USE);
    process.exit(0);
  }
  const list = (name, known) => {
    const chosen = values[name]?.split(',') ?? known;
    const wrong = chosen.filter((each) => !known.includes(each));
    if (wrong.length) throw new Error(`--${name}: unknown ${wrong.join(', ')}; known are ${known.join(', ')}.`);
    return chosen;
  };
  const number = (name, usual) => {
    const value = Number(values[name] ?? usual);
    if (!Number.isInteger(value) || value < 0 || value > 3600) throw new Error(`--${name} must be a whole number.`);
    return value;
  };
  const connections = (values.connections ?? (values.quick ? '32' : '1,32')).split(',').map(Number);
  if (connections.some((each) => !Number.isInteger(each) || each < 1 || each > 1000)) throw new Error('--connections must be numbers from 1 to 1000.');
  const name = values.suite ?? 'core';
  const { contenders } = SUITES[name] ?? (() => { throw new Error(`--suite: unknown ${name}; known are ${Object.keys(SUITES).join(', ')}.`); })();
  return {
    suite: name,
    workloads: list('only', suite(name)),
    contenders: list('contenders', contenders),
    connections,
    rounds: Math.max(1, number('rounds', values.quick ? 1 : 3)),
    seconds: Math.max(1, number('seconds', values.quick ? 2 : 4)),
    warmup: number('warmup', 1),
    quick: values.quick ?? false,
    out: values.out,
  };
}

/** Start-up time and idle memory, each contender alone on data it knows. Leaves it stopped. */
async function standingStill(contender, cluster) {
  const times = [];
  for (let at = 0; at < STARTS; at += 1) {
    if (at) await contender.stop();
    times.push(await contender.start());
  }
  await pause(SETTLE_MS);
  const { rss } = contender.memory();
  const postgresIdle = cluster && contender.url ? clusterMemory(cluster.pid) : undefined;
  await contender.stop();
  return { ready: median(times), idle: rss, postgresIdle };
}

/** One measurement: warm-up, load, and the CPU time that the server and its sessions in PostgreSQL took per request. */
async function measure(contender, cluster, load, size, { connections, seconds, warmup }) {
  if (warmup) await wrk(contender.base, load, { connections, seconds: warmup });
  const used = () => [cpu(contender.process.pid), contender.url ? sessionsCpu(cluster.pid, contender.databaseName) : 0];
  const before = used();
  const got = await wrk(contender.base, load, { connections, seconds });
  const after = used();
  const each = (at) => (got.requests ? (after[at] - before[at]) / got.requests : 0);
  let reason;
  if (Object.keys(got.failures).length) reason = Object.entries(got.failures).map(([kind, count]) => `${count} ${kind} errors`).join(', ');
  else if (!got.requests) reason = 'no answers';
  else if (got.bytesEach < size * 0.9) reason = `answers of ${Math.round(got.bytesEach)} bytes instead of ${size}`;
  return { ...got, cpu: each(0), cpuPostgres: each(1), rss: contender.memory().rss, ...(reason && { void: reason }) };
}

async function main() {
  const chosen = options();
  needWrk();
  const machine = { cores: cpus().length, cpu: cpus()[0].model, memoryMB: Math.round(totalmem() / 2 ** 20), loadBefore: loadavg()[0] };
  const work = mkdtempSync(join(tmpdir(), 'bench-'));
  // PostgreSQL's user must be able to enter.
  chmodSync(work, 0o755);
  process.once('exit', () => rmSync(work, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));

  console.log('starting and filling');
  const cluster = await startCluster(work);
  await cluster.durable(false);
  const contenders = [];
  const servers = {};
  for (const name of chosen.contenders) {
    const contender = new Contender(name, work, cluster);
    await contender.start();
    await SUITES[chosen.suite].fill(contender);
    if (contender.url) cluster.sql(contender.databaseName, 'vacuum analyze');
    await contender.stop();
    servers[name] = await standingStill(contender, cluster);
    contenders.push(contender);
  }
  await cluster.durable(true);
  if (chosen.contenders.includes('hangar')) {
    const managed = new Contender('hangar', work);
    servers['hangar (own PostgreSQL)'] = await standingStill(managed);
  }
  for (const contender of contenders) await contender.start();

  const runs = [];
  for (const workload of chosen.workloads) {
    await cluster.durable(WORKLOADS[workload].durable ?? false);
    // Where one measurement stands for two, it is made once.
    const taking = contenders.filter(({ name }) => measuredAs(name, workload) === workload || !chosen.workloads.includes(measuredAs(name, workload)));
    const loads = new Map();
    for (const contender of taking) {
      const request = await prepare(contender, workload);
      loads.set(contender, { file: writeLoad(work, `${workload}-${contender.name}`, request), size: request.size });
    }
    for (const connections of chosen.connections) {
      for (let round = 0; round < chosen.rounds; round += 1) {
        for (const contender of taking) {
          const { file, size } = loads.get(contender);
          const got = await measure(contender, cluster, file, size, { ...chosen, connections });
          runs.push({ contender: contender.name, workload: measuredAs(contender.name, workload), connections, round, ...got });
          console.log(`${workload} ×${connections} ${round + 1}/${chosen.rounds} ${contender.name}: ${Math.round(got.rps)} req/s${got.void ? ` VOID: ${got.void}` : ''}`);
        }
      }
    }
  }
  for (const contender of contenders) {
    servers[contender.name].peak = contender.memory().peak;
    await contender.stop();
  }
  await cluster.stop();

  const result = {
    at: new Date().toISOString(),
    machine,
    postgres: cluster.version,
    options: chosen,
    contenders: chosen.contenders,
    workloads: chosen.workloads,
    servers,
    runs,
  };
  console.log(`\n${report(result)}`);
  if (!chosen.quick || chosen.out) {
    const folder = fileURLToPath(new URL('runs', import.meta.url));
    mkdirSync(folder, { recursive: true });
    const out = chosen.out ?? join(folder, `${result.at.slice(0, 16).replaceAll(':', '')}Z-${chosen.suite === 'core' ? '' : `${chosen.suite}-`}${machine.cores}core.json`);
    writeFileSync(out, `${JSON.stringify(result, null, 1)}\n`);
    console.log(`\nraw results: ${out}`);
  }
}

await toTheEnd(main);
