// What is measured, and how the answers are checked before anything is measured.
import { deepStrictEqual as same } from 'node:assert/strict';
import { RECORDS } from './records.mjs';
import { newRow, ROWS, row } from './seed.mjs';

const FILTER = encodeURIComponent('n>5000&&published=true');
const LIST = `/api/collections/bench/records?page=1&perPage=30&sort=-n&filter=${FILTER}`;
const VIEWED = 1000;

const matching = Array.from({ length: ROWS }, (_, at) => row(at))
  .filter((record) => record.n > 5000 && record.published)
  .sort((a, b) => b.n - a.n);

/** A record without what each server chooses for itself, and only if those are there. */
function plain(record, { chosenId = false } = {}) {
  const { collectionId, created, updated, ...rest } = record;
  for (const [name, value] of Object.entries({ collectionId, created, updated, id: record.id })) {
    if (typeof value !== 'string' || value === '') throw new Error(`the record has no ${name}`);
  }
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z$/.test(created)) throw new Error(`created is ${created}`);
  if (chosenId) delete rest.id;
  return rest;
}

function checkList(answer, totals) {
  const { items, ...rest } = answer;
  same(rest, { page: 1, perPage: 30, ...totals });
  same(items.map((item) => plain(item)), matching.slice(0, 30).map((item) => ({ ...item, collectionName: 'bench' })));
}

function checkNew(answer, collectionName, suffix) {
  const { id, ...sent } = newRow();
  same(plain(answer, { chosenId: true }), { ...sent, title: sent.title + suffix, collectionName });
}

const create = (name, suffix) => ({
  method: 'POST',
  body: JSON.stringify(newRow()),
  paths: [`/api/collections/${name}/records`],
  check: (answer) => checkNew(answer, name, suffix),
});

/**
 * name → {label, durable, pocketbase, request(contender)}. `durable` is whether a commit of PostgreSQL waits for the
 * disk. PocketBase has one durability (its WAL is not flushed at each commit), so it is measured once per kind of write.
 */
const CORE = {
  view: {
    label: 'view by id',
    request: () => ({
      paths: Array.from({ length: VIEWED }, (_, at) => `/api/collections/bench/records/${row((at * 37) % ROWS).id}`),
      check: (answer) => same(plain(answer), { ...row(0), collectionName: 'bench' }),
    }),
  },
  list: {
    label: 'list 30, no total',
    request: () => ({ paths: [`${LIST}&skipTotal=1`], check: (answer) => checkList(answer, { totalItems: -1, totalPages: -1 }) }),
  },
  'list-total': {
    label: 'list 30, total',
    request: () => ({
      paths: [LIST],
      check: (answer) => checkList(answer, { totalItems: matching.length, totalPages: Math.ceil(matching.length / 30) }),
    }),
  },
  create: { label: 'create, flushed', durable: true, instead: 'create-async', request: () => create('bench_new', '') },
  'create-async': { label: 'create, not flushed', request: () => create('bench_new', '') },
  hook: { label: 'create + JS hook, flushed', durable: true, instead: 'hook-async', request: () => create('bench_hooked', '!') },
  'hook-async': { label: 'create + JS hook, not flushed', request: () => create('bench_hooked', '!') },
  route: {
    label: 'JS route',
    request: () => ({ paths: ['/bench/hello/world'], check: (answer) => same(answer, { hello: 'world' }) }),
  },
  refresh: {
    label: 'auth-refresh',
    request: (contender) => ({
      method: 'POST',
      headers: { authorization: contender.token },
      paths: ['/api/collections/users/auth-refresh'],
      check: ({ record, token }) => {
        const { email, verified, name } = record;
        same({ email, verified, name }, { email: 'bench@example.com', verified: false, name: 'Bench' });
        if (token.split('.').length !== 3) throw new Error(`token is ${token}`);
      },
    }),
  },
};

export const WORKLOADS = { ...CORE, ...RECORDS };

/** The workloads of a suite. */
export const suite = (name) => Object.keys(WORKLOADS).filter((each) => (WORKLOADS[each].suite ?? 'core') === name);

/** PocketBase's figure for a flushed write is that of the same write not flushed. */
export const measuredAs = (contender, workload) =>
  (contender === 'pocketbase' && WORKLOADS[workload].instead) || workload;

/**
 * Asks once and compares with what must come back. Returns the request ready to be loaded, with the size of the right
 * answer: answers that are much shorter under load are failures whatever their status.
 */
export async function prepare(contender, workload) {
  const request = WORKLOADS[workload].request(contender);
  const headers = { ...request.headers };
  if (request.body !== undefined) headers['content-type'] ??= 'application/json';
  const answer = await fetch(contender.base + request.paths[0], { method: request.method, headers, body: request.body });
  const text = await answer.text();
  try {
    same(answer.status, 200);
    request.check(JSON.parse(text));
  } catch (error) {
    throw new Error(`${contender.name} answers ${workload} wrongly: ${error.message}\n${answer.status} ${text.slice(0, 1000)}`);
  }
  return { ...request, headers, size: text.length };
}
