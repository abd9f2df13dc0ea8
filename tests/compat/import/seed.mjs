// Fills a PocketBase with one of everything, as its users do: through the API first, then behind its back.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { call } from './call.mjs';

/** What SQLite's loose types let through, written with another program while the server is down. */
const ODDITIES = `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
def odd(id, **values):
    names = ['id', *values]
    db.execute(f"INSERT INTO kinds ({', '.join(chr(96) + n + chr(96) for n in names)}) VALUES ({', '.join('?' * len(names))})", [id, *values.values()])
odd('odd000000000001', number='12.50', bool='true', text=42, email=7, date='2022-03-04', json='5', files='a.txt', selects='one')
odd('odd000000000002', number='abc', bool='x', text=1.5, date='garbage', json='{bad', selects='["one","","one"]', select='["one","two"]')
odd('odd000000000003', json='', geo='', selects='', relations='', files='', date='2022-03-04T05:06:07+02:00')
odd('odd000000000004', json=None, geo='{"lon":3}', relation='["alice0000000001","bob000000000001"]')
odd('odd000000000005', json='text', number=1e300, bool=2, date='2022-03-04 05:06:07.123456Z', autodate='')
odd('odd000000000006', json='"quoted"', geo='{"lon":1.5,"lat":-2,"more":true}', number='', bool='', date='0001-01-01 00:00:00.000Z')
odd('odd000000000007', json='[1,{"a":[true,null]}]', text=b'bytes', number='1_000', url='no url', editor='<p>unclosed')
odd('odd000000000008', json='1.50', number=-0.0, text='tab\\there\\nline\\r\\\\back \\\\N \\\\.', date='2022-12-31 23:59:59.999Z')
odd('odd000000000009', json='true', number=9007199254740993, text='é😀 \\u202e', password='not a hash')
odd('odd000000000010', json='null', number='0x10', selects='{"a":1}', relations='["nobody000000001"]')
# Records keep the order of their rows, not of their dates.
db.execute("UPDATE kinds SET rowid = 100000 WHERE id = 'kind00000000002'")
for table in ('users', 'members', 'kinds', 'posts', '_superusers', '_externalAuths', '_mfas', '_otps', '_authOrigins'):
    db.execute(f"UPDATE {table} SET created = printf('2024-01-%02d 10:11:12.%03dZ', 1 + rowid % 28, rowid % 1000)")
    db.execute(f"UPDATE {table} SET updated = '2024-02-03 04:05:06.789Z'")
db.execute("UPDATE _collections SET created = printf('2023-01-01 00:00:00.%03dZ', rowid), updated = '2023-02-02 00:00:00.000Z'")
db.commit()
`;

/** The log, in which PocketBase itself writes after seconds only. */
const LOGS = `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
def log(id, message, days, level=0, data='{}'):
    db.execute("INSERT INTO _logs (id, level, message, data, created) VALUES (?, ?, ?, ?, strftime('%Y-%m-%d %H:%M:%fZ', 'now', ?))", [id, level, 'seeded ' + message, data, f'-{days} days'])
log('seeded000000001', 'request', 1, data=json.dumps({'type': 'request', 'status': 200, 'execTime': 1.25, 'url': '/api/x?y=1', 'auth': 'users', 'userIP': '10.0.0.1'}))
log('seeded000000002', 'error', 2, level=8, data=json.dumps({'error': 'tab\\t back\\\\ é', 'details': [1, {'a': None}]}))
log('seeded000000003', 'text\ttab', 2.5, level=4)
log('seeded000000005', 'below', 1, level=-4)
log('seeded000000004', 'long ago', 40)
db.commit()
`;

const field = (type, name, more = {}) => ({ type, name, ...more });
const stamps = [field('autodate', 'created', { onCreate: true }), field('autodate', 'updated', { onCreate: true, onUpdate: true })];

/** Through the API; answers variables for the cases. `as` are identities of setup/identities.http. */
export async function fill(base, vars) {
  const token = vars.superuser_token;
  const make = (path, body) => call(base, 'POST', path, body, token);
  const users = '_pb_users_auth_';
  await call(base, 'PATCH', '/api/collections/users', {
    indexes: [
      'CREATE UNIQUE INDEX `idx_tokenKey__pb_users_auth_` ON `users` (`tokenKey`)',
      "CREATE UNIQUE INDEX `idx_email__pb_users_auth_` ON `users` (`email`) WHERE `email` != ''",
      'CREATE INDEX users_by_name ON users (name COLLATE NOCASE, created DESC)',
    ],
    oauth2: { enabled: true, providers: [{ name: 'github', clientId: 'id', clientSecret: 'secret' }], mappedFields: { name: 'name', avatarURL: 'avatar' } },
    otp: { enabled: true, duration: 240, length: 6 },
  }, token);
  await call(base, 'PATCH', '/api/collections/members', {
    fields: [...(await call(base, 'GET', '/api/collections/members', null, token)).fields, field('text', 'username'), ...stamps],
    indexes: ['CREATE UNIQUE INDEX `members_username` ON `members` (`username` COLLATE NOCASE) WHERE `username` != \'\''],
  }, token);
  await call(base, 'PATCH', '/api/collections/members', { passwordAuth: { enabled: true, identityFields: ['email', 'username'] } }, token);
  await call(base, 'PATCH', '/api/collections/members/records/carl00000000001', { username: 'Carl_C' }, token);
  await make('/api/collections', {
    name: 'kinds', type: 'base', listRule: '', viewRule: '', createRule: '@request.auth.id != ""', updateRule: 'relation = @request.auth.id', deleteRule: null,
    fields: [
      field('text', 'text', { max: 200, presentable: true }), field('number', 'number', { min: -1e308 }), field('bool', 'bool'), field('email', 'email'),
      field('url', 'url', { exceptDomains: ['bad.example'] }), field('editor', 'editor', { convertURLs: true }), field('date', 'date', { min: '2000-01-01 00:00:00.000Z' }),
      field('autodate', 'autodate', { onCreate: true }), field('select', 'select', { values: ['one', 'two'] }), field('select', 'selects', { values: ['one', 'two', '3'], maxSelect: 3 }),
      field('file', 'file', { maxSize: 1000, thumbs: ['10x10'], help: 'A file' }), field('file', 'files', { maxSelect: 5, protected: true }),
      field('relation', 'relation', { collectionId: users }), field('relation', 'relations', { collectionId: users, maxSelect: 9, cascadeDelete: true }),
      field('json', 'json'), field('geoPoint', 'geo'), field('password', 'password', { cost: 5 }), field('text', 'hidden_text', { hidden: true }), ...stamps,
    ],
    indexes: [
      'CREATE INDEX kinds_text ON kinds (text COLLATE NOCASE)', 'CREATE INDEX `kinds_partial` ON `kinds` (`number` DESC, `bool`) WHERE `number` > 5',
      'CREATE INDEX kinds_lower ON kinds (lower(email))', "CREATE UNIQUE INDEX kinds_url ON kinds (url) WHERE url != '' AND url != 'no url'",
    ],
  });
  const kinds = (await call(base, 'GET', '/api/collections/kinds', null, token)).id;
  await make('/api/collections', {
    name: 'posts', type: 'base', listRule: 'author = @request.auth.id || public = true', viewRule: 'author = @request.auth.id || public = true', createRule: null,
    fields: [
      field('text', 'title', { required: true }), field('bool', 'public'), field('relation', 'author', { collectionId: users, required: true }),
      field('relation', 'kinds', { collectionId: kinds, maxSelect: 3 }), ...stamps,
    ],
  });
  await make('/api/collections', {
    name: 'titles', type: 'view', listRule: '', viewRule: '', viewQuery: 'SELECT posts.id, posts.title, posts.author, posts.public FROM posts',
  });
  await make('/api/collections', {
    name: 'totals', type: 'view', listRule: '', viewRule: null, viewQuery: 'SELECT users.id, users.name, count(posts.id) AS posts FROM users LEFT JOIN posts ON posts.author = users.id GROUP BY users.id',
  });

  const full = new FormData();
  for (const [name, value] of Object.entries({
    id: 'kind00000000001', text: 'Ünïcode "quotes" \\ and \'more\'', number: '-12.5', bool: 'true', email: 'a@b.example', url: 'https://c.example/x?y=1',
    editor: '<p>Hi</p>', date: '2023-04-05 06:07:08.901Z', select: 'two', relation: 'alice0000000001', json: '{"a":null,"b":[1,2.5,"x"]}',
    geo: '{"lon":12.5,"lat":-7}', password: 'hunter22', hidden_text: 'nobody sees',
  })) full.append(name, value);
  for (const value of ['two', 'one']) full.append('selects', value);
  for (const value of ['bob000000000001', 'alice0000000001']) full.append('relations', value);
  full.append('file', new Blob(['hello file']), 'My File.txt');
  full.append('files', new Blob(['one']), 'one.txt');
  full.append('files', new Blob([Uint8Array.from({ length: 600 }, (_, n) => n % 256)]), 'two.bin');
  const one = await make('/api/collections/kinds/records', full);
  await make('/api/collections/kinds/records', { id: 'kind00000000002', text: 'second', number: 7, json: [1, 'two'] });
  await make('/api/collections/kinds/records', { id: 'kind00000000003' });
  for (const [n, title] of ['First', 'Second', 'Third'].entries()) {
    await make('/api/collections/posts/records', { id: `post0000000000${n}`, title, public: n === 1, author: n === 2 ? 'bob000000000001' : 'alice0000000001', kinds: n ? ['kind00000000003', 'kind00000000001'].slice(0, n) : [] });
  }
  const owner = { collectionRef: users, recordRef: 'alice0000000001' };
  await make('/api/collections/_externalAuths/records', { id: 'external0000001', ...owner, provider: 'github', providerId: '4711' });
  await make('/api/collections/_mfas/records', { id: 'mfa000000000001', ...owner, method: 'password' });
  await make('/api/collections/_otps/records', { id: 'otp000000000001', ...owner, password: '123456', sentTo: 'alice@example.com' });
  await make('/api/collections/_authOrigins/records', { id: 'origin000000001', ...owner, fingerprint: 'abc' });
  await make('/api/collections/_superusers/records', { id: 'second000000001', email: 'second@example.com', password: 'second-pass', passwordConfirm: 'second-pass' });
  const { token: impersonated } = await make('/api/collections/users/impersonate/bob000000000001', { duration: 86400 });
  await call(base, 'PATCH', '/api/settings', {
    meta: { appName: 'Moved', appURL: 'https://moved.example', senderName: 'Mover', senderAddress: 'mover@example.com' },
    smtp: { enabled: false, host: 'mail.example', username: 'u', password: 'mail-secret' },
    s3: { secret: 'files-secret' }, logs: { maxDays: 3 },
    batch: { enabled: true, maxRequests: 7 }, trustedProxy: { headers: ['X-Forwarded-For'] },
  }, token);
  return { impersonated_token: impersonated, file: one.file, file_one: one.files[0], file_two: one.files[1] };
}

/** Behind its back, when the server has stopped. */
export function meddle(data) {
  for (const [script, file] of [[ODDITIES, 'data.db'], [LOGS, 'auxiliary.db']]) {
    const done = spawnSync('python3', ['-c', script, join(data, file)], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`seed: ${done.stderr || done.error}`);
  }
}
