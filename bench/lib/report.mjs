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

/** The targets of the issue, at 32 connections: [what, figure, wanted, compare]. Those that cannot be told are left out. */
function targets(result) {
  const at = (name, workload) => {
    const got = summary(result.runs, name, workload, 32);
    return got?.void ? 0 : got?.rps;
  };
  const over = (workload, other) => at('hangar', workload) / at(other, workload);
  const managed = result.servers['hangar (own PostgreSQL)'] ?? {};
  const rows = [
    ['view / floor', over('view', 'floor'), 0.6],
    ['list / floor', over('list', 'floor'), 0.7],
    ['view / PocketBase', over('view', 'pocketbase'), 2.5],
    ['list / PocketBase', over('list', 'pocketbase'), 5],
    ['create flushed / PocketBase', over('create', 'pocketbase'), 1.2],
    ['create not flushed / PocketBase', over('create-async', 'pocketbase'), 1.8],
    ['JS hook: share of create kept', at('hangar', 'hook-async') / at('hangar', 'create-async'), 0.75],
    ['JS hook flushed: share of create kept', at('hangar', 'hook') / at('hangar', 'create'), 0.75],
    ['JS route / PocketBase', over('route', 'pocketbase'), 1.5],
    ['auth-refresh / PocketBase', over('refresh', 'pocketbase'), 1.5],
    ['idle memory, MB', managed.idle, 150, true],
    ['ready, ms', managed.ready, 2000, true],
  ];
  return rows.filter(([, figure]) => Number.isFinite(figure)).map(([what, figure, wanted, below]) => {
    const met = below ? figure <= wanted : figure >= wanted;
    return [what, below ? Math.round(figure) : figure.toFixed(2), `${below ? '≤' : '≥'} ${wanted}`, met ? '✓' : '✗'];
  });
}

/** The whole report as text. `cpu µs` is CPU time per request: of the server, + of its sessions in PostgreSQL. */
export function report(result) {
  const parts = [standing(result), ...result.options.connections.map((connections) => throughput(result, connections))];
  const judged = targets(result);
  if (judged.length) parts.push(table(['target (32 connections)', 'measured', 'wanted', 'met'], judged));
  const voided = result.runs.filter((run) => run.void);
  for (const run of voided) parts.push(`void: ${run.contender} ${run.workload} at ${run.connections}: ${run.void}`);
  if (result.machine.loadBefore > 0.5) {
    parts.push(`The machine was not idle before (load ${result.machine.loadBefore.toFixed(1)}): trust ratios and CPU time more than req/s.`);
  }
  return parts.join('\n\n');
}
