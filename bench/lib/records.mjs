// The suite "records": 100,000 records with relations, JSON, texts to search, batches and files.
import { deepStrictEqual as same } from 'node:assert/strict';
import { SUPERUSER } from './contenders.mjs';

export const POSTS = 100_000;
const AUTHORS = 1_000;
const TAGS = 50;
const CITIES = 100;
const PER_BATCH = 500;
const PER_PAGE = 30;
const MEASURED_BATCH = 50;
const FILE_BYTES = 1 << 20;
const WORDS = 'amber basil cedar delta ember fjord grove haven inlet jetty knoll larch maple north ocean pearl quartz river stone tulip'.split(' ');

const id = (kind, at) => `${kind}${String(at).padStart(15 - kind.length, '0')}`;
// Numbers that look arbitrary and are the same everywhere.
const scattered = (at, of) => (at * 7919 + 104_729) % of;

const author = (at) => ({ id: id('author', at), name: `Author ${at}`, city: `City ${at % CITIES}` });
const tag = (at) => ({ id: id('tag', at), name: `tag ${at}` });

function post(at) {
  const words = Array.from({ length: 30 }, (_, place) => WORDS[scattered(at * 31 + place, WORDS.length)]);
  if (at % 5000 === 17) words[11] = 'needleword';
  return {
    id: id('post', at),
    title: `Post number ${at}`,
    body: words.join(' '),
    n: scattered(at, POSTS),
    published: at % 7 !== 0,
    author: id('author', scattered(at, AUTHORS)),
    tags: [0, 1, 2].map((step) => id('tag', (at + step * 17) % TAGS)),
    meta: { score: scattered(at, 5000), lang: at % 3 ? 'en' : 'de' },
  };
}

const OPEN = { listRule: '', viewRule: '', createRule: '', updateRule: '', deleteRule: '' };

async function schema(contender, token) {
  const make = (collection) => contender.call('POST', '/api/collections', { token, body: { type: 'base', ...OPEN, ...collection } });
  const authors = await make({ name: 'authors', fields: [{ name: 'name', type: 'text' }, { name: 'city', type: 'text' }], indexes: ['CREATE INDEX `authors_city` ON `authors` (`city`)'] });
  const tags = await make({ name: 'tags', fields: [{ name: 'name', type: 'text' }] });
  const fields = [
    { name: 'title', type: 'text' }, { name: 'body', type: 'text' }, { name: 'n', type: 'number' }, { name: 'published', type: 'bool' },
    { name: 'author', type: 'relation', collectionId: authors.id, maxSelect: 1 },
    { name: 'tags', type: 'relation', collectionId: tags.id, maxSelect: 10 },
    { name: 'meta', type: 'json' },
    { name: 'created', type: 'autodate', onCreate: true },
  ];
  const indexes = ['n', 'author'].map((name) => `CREATE INDEX \`posts_${name}\` ON \`posts\` (\`${name}\`)`);
  indexes.push("CREATE INDEX `posts_score` ON `posts` (json_extract(`meta`, '$.score'))");
  // The one index that PocketBase has no counterpart for: docs/decisions/0009.
  if (contender.name === 'hangar') indexes.push('CREATE INDEX `posts_body` ON `posts` USING gin (`body` gin_trgm_ops)');
  await make({ name: 'posts', fields, indexes });
  await make({ name: 'notes', fields: [{ name: 'text', type: 'text' }, { name: 'n', type: 'number' }] });
  await make({ name: 'uploads', fields: [{ name: 'file', type: 'file', maxSelect: 1, maxSize: 5 * FILE_BYTES }] });
}

/** Makes the collections and fills them, by batches. */
export async function seedRecords(contender) {
  const { token } = await contender.call('POST', '/api/collections/_superusers/auth-with-password', {
    body: { identity: SUPERUSER.email, password: SUPERUSER.password },
  });
  const batch = { enabled: true, maxRequests: PER_BATCH, timeout: 60, maxBodySize: 0 };
  await contender.call('PATCH', '/api/settings', { token, body: { batch } });
  await schema(contender, token);
  const fill = async (collection, count, row) => {
    const url = `/api/collections/${collection}/records`;
    for (let at = 0; at < count; at += PER_BATCH) {
      const rows = Array.from({ length: Math.min(PER_BATCH, count - at) }, (_, step) => row(at + step));
      await contender.call('POST', '/api/batch', { token, body: { requests: rows.map((body) => ({ method: 'POST', url, body })) } });
    }
  };
  await fill('authors', AUTHORS, author);
  await fill('tags', TAGS, tag);
  await fill('posts', POSTS, post);
}

const posts = Array.from({ length: POSTS }, (_, at) => post(at));
const query = (parts) => Object.entries(parts).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');

/** A list whose ids are known. `paths` differ from each other only in numbers, so that no server answers from a cache. */
function list(label, collection, ask, expected, check) {
  return {
    label,
    suite: 'records',
    request: () => ({
      paths: ask.map((parts) => `/api/collections/${collection}/records?${query({ perPage: PER_PAGE, ...parts })}`),
      check: (answer) => {
        same(answer.items.map((item) => item.id), expected.slice(0, PER_PAGE));
        check?.(answer);
      },
    }),
  };
}

const byNumber = (a, b) => a.n - b.n;
const ids = (rows) => rows.map((row) => row.id);
const authorsOf = (rows) => [...new Set(rows.map((row) => row.author))].sort();
const city = (name) => (row) => Number(row.author.slice(6)) % CITIES === name;

/** A page, counted, of all posts by number. */
const page = (number) => list(
  `page ${number}`, 'posts',
  Array.from({ length: 100 }, (_, at) => ({ page: number + at, sort: 'n' })),
  ids([...posts].sort(byNumber).slice((number - 1) * PER_PAGE)),
);

export const RECORDS = {
  relation: list(
    'relation filter, expand', 'posts',
    Array.from({ length: CITIES }, (_, at) => ({ filter: `author.city="City ${at}" && published=true`, sort: 'n', expand: 'author,tags' })),
    ids(posts.filter(city(0)).filter((row) => row.published).sort(byNumber)),
    ({ items: [first] }) => same([first.expand.author.city, first.expand.tags.length], ['City 0', 3]),
  ),
  'back-relation': list(
    'back-relation filter', 'authors',
    Array.from({ length: 100 }, (_, at) => ({ filter: `posts_via_author.n?<${25 + at}`, sort: 'id' })),
    authorsOf(posts.filter((row) => row.n < 25)),
  ),
  contains: list(
    'text contains (~)', 'posts',
    Array.from({ length: 20 }, (_, at) => ({ filter: `body~"needleword" && n>${at - 20}`, sort: 'n' })),
    ids(posts.filter((row) => row.body.includes('needleword')).sort(byNumber)),
  ),
  'json-path': list(
    'JSON path', 'posts',
    Array.from({ length: 1000 }, (_, at) => ({ filter: `meta.score=${at}`, sort: 'n' })),
    ids(posts.filter((row) => row.meta.score === 0).sort(byNumber)),
  ),
  // Hangar reads a page from the nearer end, so for it the middle is farthest.
  'deep-page': page(3000),
  'middle-page': page(1600),
  batch: {
    label: `batch of ${MEASURED_BATCH} creates`,
    suite: 'records',
    request: () => ({
      method: 'POST',
      paths: ['/api/batch'],
      body: JSON.stringify({
        requests: Array.from({ length: MEASURED_BATCH }, (_, at) => ({ method: 'POST', url: '/api/collections/notes/records', body: { text: `Note ${at}`, n: at } })),
      }),
      check: (answers) => same(answers.map(({ status, body }) => [status, body.n]), Array.from({ length: MEASURED_BATCH }, (_, at) => [200, at])),
    }),
  },
  upload: {
    label: 'upload of 1 MB',
    suite: 'records',
    request: () => {
      const boundary = 'bench-boundary';
      const content = 'The quick brown fox.\n'.repeat(FILE_BYTES / 21).padEnd(FILE_BYTES, '.');
      return {
        method: 'POST',
        headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
        paths: ['/api/collections/uploads/records'],
        body: `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="fox.txt"\r\nContent-Type: text/plain\r\n\r\n${content}\r\n--${boundary}--\r\n`,
        check: ({ file }) => same(/^fox_\w{10}\.txt$/.test(file), true),
      };
    },
  },
};
