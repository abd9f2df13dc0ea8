// The harness must see what differs and must not see what is only volatile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildRequest, fill, parseCases } from './cases.mjs';
import { compareAnswers, parseDifferences, staleEntries, unaccepted } from './compare.mjs';
import { requestTarget } from './http.mjs';
import { Normaliser } from './normalise.mjs';

const answer = (text, extra = {}) => ({ status: 200, headers: { 'content-type': 'application/json' }, text, ...extra });
const now = (shift = 0) => new Date(Date.now() + shift).toISOString().replace('T', ' ');
const token = (claims) => `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
/** Normalises one answer a side in the same step and compares them. */
const parts = (left, right, options) => [...compareAnswers(new Normaliser().answer(1, answer(left), options), new Normaliser().answer(1, answer(right), options)).parts];

test('generated ids are equal, references included', () => {
  assert.deepEqual(parts('{"id":"aaaaaaaaaaaaaa1","ref":"aaaaaaaaaaaaaa1"}', '{"id":"bbbbbbbbbbbbbb2","ref":"bbbbbbbbbbbbbb2"}'), []);
  assert.deepEqual(parts('{"id":"aaaaaaaaaaaaaa1","ref":"aaaaaaaaaaaaaa1"}', '{"id":"bbbbbbbbbbbbbb2","ref":"cccccccccccccc3"}'), ['body']);
});

test('ids written in a case file are compared as they are', () => {
  const side = new Normaliser('fixed0000000001');
  assert.equal(side.answer(1, answer('{"id":"fixed0000000001"}')).body, '{"id":"fixed0000000001"}');
});

test('an id keeps its name in later steps and in tokens', () => {
  const side = new Normaliser();
  side.answer(1, answer('{"id":"aaaaaaaaaaaaaa1"}'));
  assert.equal(side.text(2, 'x/aaaaaaaaaaaaaa1'), 'x/<id:1.1>');
  assert.match(side.text(2, token({ id: 'aaaaaaaaaaaaaa1' })), /<id:1\.1>/);
});

test('current times are equal, fixed and reshaped ones are not', () => {
  assert.deepEqual(parts(`{"created":"${now()}"}`, `{"created":"${now(5)}"}`), []);
  assert.deepEqual(parts('{"d":"2020-01-01 00:00:00.000Z"}', '{"d":"2020-01-01 00:00:00.001Z"}'), ['body']);
  assert.deepEqual(parts(`{"created":"${now()}"}`, `{"created":"${now().replace(' ', 'T')}"}`), ['body']);
});

test('a time that should have stayed is seen to change', () => {
  const [left, right] = [new Normaliser(), new Normaliser()];
  const first = now();
  for (const side of [left, right]) side.answer(1, answer(`{"created":"${first}"}`));
  const kept = left.answer(2, answer(`{"created":"${first}"}`));
  const changed = right.answer(2, answer(`{"created":"${now(50)}"}`));
  assert.deepEqual([...compareAnswers(kept, changed).parts], ['body']);
});

test('times of one step are equal even if they are the same millisecond on one side only', async () => {
  const side = async (gap) => {
    const normaliser = new Normaliser();
    normaliser.begin(1);
    const [first, second] = [now(), now(gap)];
    await new Promise((done) => setTimeout(done, 9));
    normaliser.begin(2);
    return [normaliser.answer(1, answer(`{"updated":"${first}"}`)), normaliser.answer(2, answer(`{"created":"${second}","now":"${now()}"}`))];
  };
  const [left, right] = [await side(0), await side(3)];
  left.forEach((one, at) => assert.deepEqual([...compareAnswers(one, right[at]).parts], []));
  assert.match(right[1].body, /"created":"<[^>]*:1>","now":"<[^>]*:2>"/);
});

test('tokens are compared by claims and life time', () => {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  assert.deepEqual(parts(`"${token({ id: 'x', exp })}"`, `"${token({ id: 'x', exp: exp + 3 })}"`), []);
  assert.deepEqual(parts(`"${token({ id: 'x', exp })}"`, `"${token({ id: 'x', exp: exp + 300 })}"`), ['body']);
  assert.deepEqual(parts(`"${token({ id: 'x', exp })}"`, `"${token({ exp, id: 'x' })}"`), ['body']);
  assert.deepEqual(parts(`"${token({ type: 'auth' })}"`, `"${token({ type: 'file' })}"`), ['body']);
});

test('key order, white space and spelling count', () => {
  assert.deepEqual(parts('{"a":1,"b":2}', '{"b":2,"a":1}'), ['body']);
  assert.deepEqual(parts('{"a":1,"b":2}', '{"b":2,"a":1}', { anyKeyOrder: true }), []);
  assert.deepEqual(parts('{"a":1}', '{"a": 1}'), ['body']);
  assert.deepEqual(parts('{"a":1}', '{"a":1.0}'), ['body']);
  assert.deepEqual(parts('{"a":"<"}', '{"a":"\\u003c"}'), ['body']);
});

test('status, headers and missing answers count', () => {
  const side = () => new Normaliser();
  const left = side().answer(1, answer('{}'));
  assert.deepEqual([...compareAnswers(left, side().answer(1, answer('{}', { status: 201 }))).parts], ['status']);
  assert.deepEqual([...compareAnswers(left, side().answer(1, answer('{}', { headers: {} }))).parts], ['headers']);
  assert.ok(compareAnswers(left, side().answer(1, { failure: 'ECONNRESET' })).parts.has('status'));
  assert.deepEqual([...compareAnswers(left, side().answer(1, answer('{"a":1}')), ['status', 'headers']).parts], []);
});

test('list order counts unless it is declared free', () => {
  const [a, b] = ['{"items":[{"n":1},{"n":2}]}', '{"items":[{"n":2},{"n":1}]}'];
  assert.deepEqual(parts(a, b), ['body']);
  assert.deepEqual(parts(a, b, { unordered: true }), []);
});

test('masked values are compared by length only', () => {
  assert.deepEqual(parts('{"a":"xxx","b":1}', '{"a":"yyy","b":1}', { masks: ['a'] }), []);
  assert.deepEqual(parts('{"a":"xxx","b":1}', '{"a":"yyyy","b":1}', { masks: ['a'] }), ['body']);
  assert.deepEqual(parts('{"a":"xxx","b":1}', '{"a":"yyy","b":2}', { masks: ['a'] }), ['body']);
});

test('accepted differences cover the named parts only and may become stale', () => {
  const list = parseDifferences('| Step | Parts | Why |\n|---|---|---|\n| `f/a*` | body | because |\n| `f/b` | status, body | because |\n');
  assert.deepEqual([...unaccepted(list, 'f/abc', new Set(['body']))], []);
  assert.deepEqual([...unaccepted(list, 'f/abc', new Set(['status', 'body']))], ['status']);
  assert.deepEqual([...unaccepted(list, 'f/c', new Set(['body']))], ['body']);
  assert.deepEqual(staleEntries(list), []);
  assert.deepEqual([...unaccepted(list, 'f/b', new Set(['status']))], []);
  assert.deepEqual(staleEntries(list), [{ id: 'f/b', part: 'body' }]);
  assert.throws(() => parseDifferences('| `x` | colour | why |'), /colour/);
});

test('case files', () => {
  const text = '@server hooks=h\n# remark\n### one\nPOST /x/{{id}}?a=1 as alice\nX-A: b\n? filter = n > {{row}} && t = \'x\'\n! unordered\n| 1\n| two :: 2\n\n### body\nPOST /y\n{"a":\n "b"}\n> tok = token\n~ a.b\n';
  const file = parseCases('f.http', text);
  assert.deepEqual(file.server, { hooks: 'h' });
  assert.deepEqual(file.steps.map((step) => step.id), ['f/one/1', 'f/one/two', 'f/body']);
  const request = buildRequest(file.steps[1], { id: 'i', alice_token: 'T' });
  assert.equal(request.path, `/x/i?a=1&filter=${encodeURIComponent("n > 2 && t = 'x'")}`);
  assert.deepEqual(request.headers, { 'x-a': 'b', authorization: 'T' });
  assert.equal(file.steps[2].body, '{"a":\n "b"}');
  assert.deepEqual(file.steps[2].captures, [['tok', 'token']]);
  assert.deepEqual(file.steps[2].masks, ['a.b']);
  assert.throws(() => parseCases('f.http', '### a\nGET /x\n### a\nGET /y\n'), /two steps/);
  assert.throws(() => parseCases('f.http', '### a\nnonsense\n'), /no request line/);
  assert.throws(() => parseCases('f.http', '### a\n'), /no request line/);
});

test('templates', () => {
  assert.equal(fill('{{repeat 3 ab}}{{x}}{{nothere}}', { x: 1 }), 'ababab1missing-nothere');
  assert.equal(fill('{{repeat 2 \\x7b}}', {}), '{{');
  const claims = (made) => JSON.parse(Buffer.from(made.split('.')[1], 'base64url').toString());
  assert.equal(claims(fill('{{expired t}}', { t: token({ exp: 9e9, id: 'x' }) })).exp, 1_500_000_000);
  assert.equal(claims(fill('{{forged t id y}}', { t: token({ id: 'x' }) })).id, 'y');
});

test('paths are sent as written, apart from what HTTP forbids', () => {
  assert.equal(requestTarget('/a/%2e%2e/b?c=%zz&d=\'x\';e'), '/a/%2e%2e/b?c=%zz&d=\'x\';e');
  assert.equal(requestTarget('/a b"é'), '/a%20b%22%C3%A9');
});
