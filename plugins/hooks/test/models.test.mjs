import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./harness.mjs";

const collection = (more = {}) => ({ id: "pbc_a", name: "a", type: "base", created: "", listRule: null, fields: [{ id: "f1", name: "t", type: "text", max: 0 }], ...more });

test("what a handler changes of a collection travels, property by property", async () => {
  const plugin = await start({ "a.pb.js": `onCollectionCreate((e) => {
    e.collection.listRule = "";
    e.collection.fields.getByName("t").max = 5;
    const before = e.collection.isNew();
    e.next();
    e.collection.viewRule = JSON.stringify([before, e.collection.isNew(), e.type, e.collection === e.model, e.collection.fields.getByName("t").max]);
  })` });
  const stored = collection({ created: "now", listRule: "", fields: [{ id: "f1", name: "t", type: "text", max: 6 }] });
  plugin.host["hangar:hooks/next"].call = () => JSON.stringify({ event: { collection: stored } });
  const { sent, answer } = await plugin.raise("onCollectionCreate", { collection: collection() });
  assert.deepEqual(sent, [[{ event: { collection: { listRule: "", fields: [{ id: "f1", name: "t", type: "text", max: 5 }] } } }]]);
  assert.deepEqual(answer.at(-1), { event: { collection: { viewRule: "[true,false,\"create\",true,6]" } } });
});

test("a document says by which tags its handlers are chosen", async () => {
  const plugin = await start({ "a.pb.js": `
    onModelCreate((e) => { e.collection.listRule = "table"; e.next() }, "_collections");
    onModelCreate((e) => { e.collection.viewRule = "name"; e.next() }, "a");` });
  const { answer } = await plugin.raise("onModelCreate", { collection: collection(), tags: ["_collections"] });
  assert.deepEqual(answer, [{ event: { collection: { listRule: "table" } } }]);
});

test("handlers see messages one by one", async () => {
  const plugin = await start({ "a.pb.js": `onRealtimeMessageSend(async (e) => {
    const { kind } = JSON.parse(e.message.data);
    if (kind === "withhold") return;
    if (kind === "fail") throw new Error("broken");
    if (kind === "name") e.message.name = e.client.id() + e.client.hasSubscription("t");
    if (kind === "late") await Promise.resolve();
    e.next();
  })` });
  const message = (kind, more = {}) => ({ client: { id: "c1", topics: ["t"], identity: null }, event: "t", data: JSON.stringify({ kind }), ...more });
  const messages = ["plain", "withhold", "fail", "name", "late"].map((kind) => message(kind));
  const { sent, answer } = await plugin.raise("onRealtimeMessageSend", { messages });
  assert.deepEqual(answer, [{ messages: [{ at: 1, drop: true }, { at: 2, close: true }, { at: 3, event: "c1true", data: '{"kind":"name"}' }] }]);
  assert.deepEqual(sent, [answer]);
  assert.match(plugin.calls.log.at(-1).message, /onRealtimeMessageSend: broken/);
  assert.deepEqual((await plugin.raise("onRealtimeMessageSend", { messages: messages.slice(0, 1) })).answer, []);
});

test("messages that another plugin has dealt with stay as it wants them", async () => {
  const plugin = await start({ "a.pb.js": `onRealtimeMessageSend((e) => { e.message.data += "!"; e.next() })` });
  const messages = [1, 2].map(() => ({ client: { id: "c", topics: [] }, event: "t", data: "x" }));
  const before = JSON.stringify({ messages: [{ at: 0, drop: true }, { at: 1, data: "y" }] });
  const { answer } = await plugin.raise("onRealtimeMessageSend", { messages }, before);
  assert.deepEqual(answer, [{ messages: [{ at: 1, event: "t", data: "y!" }] }]);
});

test("onBootstrap runs when a version is activated, and may refuse it", async () => {
  const text = `
    onBootstrap(async (e) => { e.next(); await Promise.resolve(); e.app.store().set("ready", 1) });
    onTerminate((e) => e.next());`;
  const plugin = await start({ "a.pb.js": text });
  await plugin.plugin.lifecycle.activate();
  assert.equal(plugin.host["hangar:kv/store"].get("store:ready"), "1");
  assert.match(plugin.calls.log.at(-1).message, /onTerminate is not raised/);
  plugin.host["hangar:kv/store"].delete("store:ready");
  await plugin.plugin.lifecycle.start(JSON.stringify({ files: [{ path: "a.pb.js", text }], command: true }));
  await plugin.plugin.lifecycle.activate();
  assert.equal(plugin.host["hangar:kv/store"].get("store:ready"), null);
  const broken = await start({ "a.pb.js": `onBootstrap(() => { throw new Error("not ready") })` });
  await assert.rejects(broken.plugin.lifecycle.activate(), ({ code, message }) => code === "hook_error" && /not ready/.test(message));
});

test("settings are read once, until they change", async () => {
  const plugin = await start({ "a.pb.js": `routerAdd("GET", "/name", (e) => { const s = $app.settings(); const { appName } = s.meta; s.meta.appName = "mine"; return e.string(200, appName) })` });
  let revision = 1;
  let asked = 0;
  plugin.host["hangar:kv/revisions"].current = () => revision;
  plugin.host["hangar:postgres/query"].query = () => [JSON.stringify({ columns: [["value", "text"]], rows: [[`{"meta":{"appName":"name ${++asked}"}}`]], affected: 1 })];
  const name = async () => (await plugin.request("GET", "/name")).text;
  assert.deepEqual([await name(), await name()], ["name 1", "name 1"]);
  revision = 2;
  assert.equal(await name(), "name 2");
});
