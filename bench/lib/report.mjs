// Medians, ratios and the table of targets.
import { NAMES } from './contenders.mjs';
import { measuredAs, WORKLOADS } from './workloads.mjs';

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Medians of the valid runs, undefined if any was void: a server that fails some requests has no figure. */
function summary(runs, contender, workload, connections) {
  const all = runs.filter((run) => run.contender === contender && run.workload === measuredAs(contender, workload) && run.connections === connections);
  if (!all.length) return undefined;
  if (all.some((run) => run.void)) return { void: true };
  const of = (key) => median(all.map((run) => run[key]));
  return { rps: of('rps'), p50: of('p50'), p99: of('p99'), cpu: of('cpu'), cpuPostgres: of('cpuPostgres') };
}

function table(head, lines) {
  const rows = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...rows.map((cells) => String(cells[column]).length)));
  const show = (cells) => cells.map((cell, column) => (column ? String(cell).padStart(widths[column]) : String(cell).padEnd(widths[column]))).join('  ').trimEnd();
  return [show(head), widths.map((width) => '-'.repeat(width)).join('  '), ...lines.map(show)].join('\n');
}

const whole = (value) => (value >= 100 ? Math.round(value).toString() : value.toFixed(1));
const ratio = (ours, theirs) => (ours?.rps && theirs?.rps ? (ours.rps / theirs.rps).toFixed(2) : '');

function throughput(result, connections) {
  const names = NAMES.filter((name) => result.contenders.includes(name));
  const head = [`${connections} connection${connections > 1 ? 's' : ''}`];
  for (const name of names) head.push(name, 'p50 ms', 'p99 ms', 'cpu µs');
  head.push('/floor', '/pocketbase');
  const lines = result.workloads.map((workload) => {
    const of = (name) => summary(result.runs, name, workload, connections);
    const cells = [WORKLOADS[workload].label];
    for (const name of names) {
      const got = of(name);
      if (!got) cells.push('', '', '', '');
      else if (got.void) cells.push('void', '', '', '');
      else cells.push(whole(got.rps), got.p50.toFixed(2), got.p99.toFixed(2), got.cpuPostgres ? `${whole(got.cpu)}+${whole(got.cpuPostgres)}` : whole(got.cpu));
    }
    return [...cells, ratio(of('hangar'), of('floor')), ratio(of('hangar'), of('pocketbase'))];
  });
  return table(head, lines);
}

function standing(result) {
  const lines = Object.entries(result.servers).map(([name, { ready, idle, postgresIdle, peak }]) => [
    name, Math.round(ready), whole(idle), postgresIdle ? whole(postgresIdle) : '', peak ? whole(peak) : '',
  ]);
  return table(['server', 'ready ms', 'idle MB', 'its PostgreSQL MB', 'peak MB'], lines);
}

/** CPU time that a server and its sessions in PostgreSQL took per request. */
const work = (got) => got && !got.void ? got.cpu + got.cpuPostgres : NaN;

/**
 * The targets of the issue, at 32 connections: what, measured, by CPU time, wanted, met. Those that cannot be told are
 * left out. The ratio by CPU time is what the throughput would be were CPU time all that counts; other work on the
 * machine disturbs it less.
 */
function targets(result) {
  const at = (name, workload) => summary(result.runs, name, workload, 32);
  const over = (what, [name, workload], [otherName, otherWorkload], wanted) => {
    const [ours, theirs] = [at(name, workload), at(otherName, otherWorkload)];
    if (!ours || !theirs) return [];
    const figure = ours.void || theirs.void ? 0 : ours.rps / theirs.rps;
    const byCpu = work(theirs) / work(ours);
    return [[what, figure.toFixed(2), Number.isFinite(byCpu) ? byCpu.toFixed(2) : '', `≥ ${wanted}`, figure >= wanted ? '✓' : '✗']];
  };
  const against = (other, label, workload, wanted) => over(`${label} / ${other}`, ['hangar', workload], [other, workload], wanted);
  const below = (what, figure, wanted) =>
    figure === undefined ? [] : [[what, Math.round(figure), '', `≤ ${wanted}`, figure <= wanted ? '✓' : '✗']];
  const managed = result.servers['hangar (own PostgreSQL)'];
  return [
    ...against('floor', 'view', 'view', 0.6),
    ...against('floor', 'list', 'list', 0.7),
    ...against('pocketbase', 'view', 'view', 2.5),
    ...against('pocketbase', 'list', 'list', 5),
    ...against('pocketbase', 'create flushed', 'create', 1.2),
    ...against('pocketbase', 'create not flushed', 'create-async', 1.8),
    ...over('create kept with JS hook, not flushed', ['hangar', 'hook-async'], ['hangar', 'create-async'], 0.75),
    ...over('create kept with JS hook, flushed', ['hangar', 'hook'], ['hangar', 'create'], 0.75),
    ...against('pocketbase', 'JS route', 'route', 1.5),
    ...against('pocketbase', 'auth-refresh', 'refresh', 1.5),
    ...['relation', 'back-relation', 'deep-page', 'middle-page', 'batch', 'upload'].flatMap((name) => against('pocketbase', WORKLOADS[name].label, name, 1)),
    ...['contains', 'json-path'].flatMap((name) => against('pocketbase', WORKLOADS[name].label, name, 2)),
    ...below('idle memory, MB', managed?.idle, 150),
    ...below('ready, ms', managed?.ready, 2000),
  ];
}

/** The whole report as text. `cpu µs` is CPU time per request: of the server, + of its sessions in PostgreSQL. */
export function report(result) {
  const parts = [standing(result), ...result.options.connections.map((connections) => throughput(result, connections))];
  const judged = targets(result);
  if (judged.length) parts.push(table(['target (32 connections)', 'measured', 'by CPU', 'wanted', 'met'], judged));
  const voided = result.runs.filter((run) => run.void);
  for (const run of voided) parts.push(`void: ${run.contender} ${run.workload} at ${run.connections}: ${run.void}`);
  if (result.machine.loadBefore > 0.5) {
    parts.push(`The machine was not idle before (load ${result.machine.loadBefore.toFixed(1)}): trust ratios and CPU time more than req/s.`);
  }
  return parts.join('\n\n');
}
