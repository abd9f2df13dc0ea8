// Identical data for every contender, through its own API.
import { SUPERUSER } from './contenders.mjs';

export const ROWS = 10_000;
const USER = { email: 'bench@example.com', password: 'bench-user-pass', name: 'Bench' };
const AT_ONCE = 32;
const SENTENCE = 'The quick brown fox jumps over the lazy dog, and "quoted" words need a backslash. ';

/** Record `at` of the measured list. Ids, order and contents are the same everywhere. */
export function row(at) {
  return {
    id: `bench${String(at).padStart(10, '0')}`,
    title: `Record number ${at}`,
    body: SENTENCE.repeat(3).slice(0, 200),
    n: (at * 7919) % ROWS, // Every number once, in no order.
    published: at % 4 !== 0,
    meta: { at, tags: ['first', 'second'] },
  };
}

/** What is sent to create a record; the server chooses the id. */
export const newRow = () => ({ ...row(1), id: undefined });

function collection(name) {
  const open = { listRule: '', viewRule: '', createRule: '', updateRule: '', deleteRule: '' };
  return {
    name,
    type: 'base',
    ...open,
    fields: [
      { name: 'title', type: 'text' },
      { name: 'body', type: 'text' },
      { name: 'n', type: 'number' },
      { name: 'published', type: 'bool' },
      { name: 'meta', type: 'json' },
      { name: 'created', type: 'autodate', onCreate: true },
      { name: 'updated', type: 'autodate', onCreate: true, onUpdate: true },
    ],
    indexes: [`CREATE INDEX \`${name}_n\` ON \`${name}\` (\`n\`)`],
  };
}

async function fill(contender) {
  let next = 0;
  const worker = async () => {
    while (next < ROWS) await contender.call('POST', '/api/collections/bench/records', { body: row(next++) });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Makes collections, rows and a user; sets contender.token to the user's token. */
export async function seed(contender) {
  if (!contender.kind.superusers) {
    // The floor has fixed tables and prints the token of its one user.
    contender.token = contender.process.said().match(/^token (\S+)$/m)?.[1];
    if (!contender.token) throw new Error(`${contender.name} printed no token.`);
    await fill(contender);
    return;
  }
  const login = (of, identity, password) => contender.call('POST', `/api/collections/${of}/auth-with-password`, { body: { identity, password } });
  const { token } = await login('_superusers', SUPERUSER.email, SUPERUSER.password);
  for (const name of ['bench', 'bench_new', 'bench_hooked']) {
    await contender.call('POST', '/api/collections', { token, body: collection(name) });
  }
  await contender.call('POST', '/api/collections/users/records', { token, body: { ...USER, passwordConfirm: USER.password } });
  contender.token = (await login('users', USER.email, USER.password)).token;
  await fill(contender);
}
