import assert from "node:assert/strict";
import { test } from "node:test";
import { hostError, start } from "./harness.mjs";

const record = (fields = {}) => ({ id: "p1", title: "x", collectionId: "pbc_posts", collectionName: "posts", ...fields });
const create = (fields) => ({ record: record(fields), isNew: true, original: null });
const request = { method: "POST", path: "/api/collections/posts/records", query: "a=1", headers: "x-a: b\n", body: { title: "x" }, identity: null };

test("only what a handler changes travels, in the order it was done", async () => {
  const plugin = await start({ "a.pb.js": `
    onRecordCreate((e) => { e.record.set("title", e.record.get("title").toUpperCase()); e.next(); e.record.set("n", 2) });
    onRecordUpdate((e) => e.next());` });
  assert.deepEqual(await plugin.raise("onRecordCreate", create()), { sent: [[{ set: { title: "X" } }]], answer: [{ set: { title: "X" } }, { set: { n: 2 } }] });
  assert.deepEqual(await plugin.raise("onRecordUpdate", create()), { sent: [[]], answer: [] });
});

test("handlers of one event run in turn, by their tags", async () => {
  const plugin = await start({ "a.pb.js": `
    const add = (x) => (e) => { e.record.set("title", e.record.get("title") + x); e.next(); e.record.set("title", e.record.get("title") + x) };
    onRecordCreate(add("1")); onRecordCreate(add("no"), "users"); onRecordCreate(add("2"), "pbc_posts"); onRecordCreate(add("3"), "posts");` });
  const { sent, answer } = await plugin.raise("onRecordCreate", create());
  assert.deepEqual([sent, answer.at(-1)], [[[{ set: { title: "x123" } }]], { set: { title: "x123321" } }]);
  assert.deepEqual((await plugin.raise("onRecordCreate", { record: record({ collectionName: "other", collectionId: "o" }), isNew: true, original: null })).answer.at(-1), { set: { title: "x11" } });
});

test("not calling next ends the chain; calling it twice is an error", async () => {
  const plugin = await start({ "a.pb.js": `
    onRecordCreate((e) => { e.record.set("n", 1) }); onRecordCreate((e) => { e.record.set("n", 2); e.next() });
    onRecordUpdate((e) => { e.next(); e.next() });` });
  assert.deepEqual(await plugin.raise("onRecordCreate", create()), { sent: [], answer: [{ set: { n: 1 } }] });
  await assert.rejects(plugin.raise("onRecordUpdate", create()), { code: "hook_error", status: 400 });
  assert.match(plugin.calls.log.at(-1).message, /more than once/);
});

test("what the rest of the chain changed can be read after next", async () => {
  const plugin = await start({ "a.pb.js": `onRecordUpdate((e) => {
    const seen = [e.record.original().get("title"), e.record.get("title"), e.record.isNew()];
    e.record.set("title", "mine"); seen.push(e.record.original().get("title"));
    e.next();
    seen.push(e.record.get("updated"), e.record.get("title"), e.record.original().get("title"));
    e.record.set("seen", seen);
  })` });
  plugin.host["hangar:hooks/next"].call = () => '{"set":{"updated":"now"}}';
  const { answer } = await plugin.raise("onRecordUpdate", { record: record(), isNew: false, original: { title: "old" } });
  assert.deepEqual(answer.at(-1).set.seen, ["old", "x", false, "old", "now", "mine", "mine"]);
});

test("patches of plugins before this one are part of the event", async () => {
  const plugin = await start({ "a.pb.js": `onRecordCreate((e) => { e.record.set("n", e.record.get("title") + e.record.get("k")); e.next() })` });
  const { answer } = await plugin.raise("onRecordCreate", create(), '{"set":{"title":"y"}}\u001e{"set":{"k":1}}');
  assert.deepEqual(answer, [{ set: { n: "y1" } }]);
});

test("errors cross as PROTOCOL.md says", async () => {
  const plugin = await start({ "a.pb.js": `
    onRecordCreate((e) => { if (e.record.get("title") === "api") throw new ForbiddenError("no", { a: new ValidationError("c", "m") }); if (e.record.get("title") === "own") $app.findRecordById("posts", "gone"); null.x });
    onRecordUpdate((e) => e.next());
    onRecordDelete((e) => { try { e.next() } catch (err) { e.record.set("seen", [err.status, err.message, err.data.x.code]) } });` });
  await assert.rejects(plugin.raise("onRecordCreate", create({ title: "api" })), { code: "api_error", message: "No.", status: 403, data: '{"a":{"code":"c","message":"M."}}' });
  await assert.rejects(plugin.raise("onRecordCreate", create({ title: "own" })), { code: "not_found", status: 404 });
  await assert.rejects(plugin.raise("onRecordCreate", create()), { code: "hook_error", status: 400, message: "Something went wrong while processing your request." });
  assert.match(plugin.calls.log.at(-1).message, /onRecordCreate: TypeError: .*\(a\.pb\.js:2\)/);
  plugin.host["hangar:hooks/next"].call = () => {
    throw hostError("sqlstate:23505", "already there", 409, { x: { code: "taken", message: "m" } });
  };
  await assert.rejects(plugin.raise("onRecordUpdate", create()), { code: "sqlstate:23505", message: "already there", status: 409 });
  assert.deepEqual((await plugin.raise("onRecordDelete", create())).answer, [{ set: { seen: [409, "already there", "taken"] } }]);
});

test("request events know the request and can answer it", async () => {
  const plugin = await start({ "a.pb.js": `
    onRecordCreateRequest((e) => {
      if (e.record.get("title") === "own") return e.json(201, { q: e.requestInfo().query.a, h: e.request.header.get("X-A"), b: e.requestInfo().body.title, auth: e.auth?.email() ?? null, c: e.collection.name });
      e.response.header().set("X-Hook", "1");
      e.next();
      e.record.set("status", e.status());
    });` });
  const identity = { subject: "users/u1", record: { id: "u1", email: "a@b.c", collectionId: "pbc_users", collectionName: "users" } };
  const own = await plugin.raise("onRecordCreateRequest", { ...create({ title: "own" }), request: { ...request, identity } });
  assert.deepEqual(own.sent, []);
  assert.deepEqual({ ...own.answer[0].response, text: JSON.parse(own.answer[0].response.text) }, {
    status: 201, headers: [["Content-Type", "application/json"]], text: { q: "1", h: "b", b: "x", auth: "a@b.c", c: "posts" },
  });
  plugin.host["hangar:hooks/next"].call = () => '{"set":{"id":"new"},"response":{"status":200}}';
  const { answer } = await plugin.raise("onRecordCreateRequest", { ...create(), request });
  assert.deepEqual(answer, [{ response: { headers: [["X-Hook", "1"]] } }, { set: { id: "new" }, response: { status: 200 } }, { set: { status: 200 } }]);
});

test("enrich handlers see each record of a response once", async () => {
  const plugin = await start({ "a.pb.js": `
    onRecordEnrich(async (e) => { await null; e.record.hide("secret"); e.record.withCustomData(true); e.record.set("extra", e.record.id + e.requestInfo().query.a); e.next() }, "posts");` });
  const { sent, answer } = await plugin.raise("onRecordEnrich", { records: [record({ id: "a" }), record({ id: "b" })], request });
  assert.deepEqual(sent, [answer]);
  assert.deepEqual(answer, [{ records: [
    { at: 0, hide: ["secret"], custom: true, set: { extra: "a1" } }, { at: 1, hide: ["secret"], custom: true, set: { extra: "b1" } },
  ] }]);
});

test("lists can be changed and cut", async () => {
  const plugin = await start({ "a.pb.js": `onRecordsListRequest((e) => { e.records = e.records.filter((r) => r.getInt("n") > 1); e.records[0].set("title", "y"); e.result.totalItems = 9; e.next() })` });
  const { answer } = await plugin.raise("onRecordsListRequest", { records: [record({ n: 1 }), record({ n: 2 })], result: { page: 1, totalItems: 2 }, request });
  assert.deepEqual(answer, [{ records: [{ at: 1, set: { title: "y" } }], keep: [1], event: { result: { page: 1, totalItems: 9 } } }]);
});

test("other parts of an event, and the record itself, can be replaced", async () => {
  const plugin = await start({ "a.pb.js": `
    onRecordAuthRequest((e) => { e.token = e.token + "!"; e.next() });
    onRecordAuthWithPasswordRequest((e) => { e.record = $app.findRecordById("users", "u1"); e.next() });
    onRecordAfterCreateError((e) => { e.record.set("why", e.error.message); e.next() });
    onModelUpdate((e) => { e.model.set("n", e.type); e.next() });` });
  assert.deepEqual((await plugin.raise("onRecordAuthRequest", { record: record(), token: "t", meta: { a: 1 }, request })).answer, [{ event: { token: "t!" } }]);
  const replaced = await plugin.raise("onRecordAuthWithPasswordRequest", { record: null, identity: "a@b.c", identityField: "email", password: "p", request });
  assert.deepEqual([replaced.answer.length, replaced.answer[0].record.id], [1, "u1"]);
  assert.deepEqual((await plugin.raise("onRecordAfterCreateError", { ...create(), error: { code: "x", message: "broken", status: 400, data: {} } })).answer, [{ set: { why: "broken" } }]);
  assert.deepEqual((await plugin.raise("onModelUpdate", create())).answer, [{ set: { n: "update" } }]);
});
