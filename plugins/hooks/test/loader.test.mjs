import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./harness.mjs";

async function refused(files) {
  try {
    await start(files);
  } catch (error) {
    return error;
  }
  throw new Error("the files were accepted");
}

test("entries run in the order of their names, other files only when required", async () => {
  const { registrations } = await start({
    "b.pb.js": `routerAdd("GET", "/b", () => {})`,
    "a.ts": `routerAdd("GET", "/a", () => {})`,
    "lib.js": `throw new Error("must not run")`,
    "sub/c.pb.js": `throw new Error("must not run")`,
    "types.d.ts": `declare const x: number;`,
  });
  assert.deepEqual(registrations.routes.map(({ path }) => path), ["/a", "/b"]);
});

test("require, imports, JSON and node_modules resolve within the files", async () => {
  const plugin = await start({
    "main.pb.js": "const a = require(`${__hooks}/lib/a.js`); routerAdd('GET', '/', (e) => e.json(200, [a.name, a.data.x, require('pkg').p]))",
    "lib/a.js": `module.exports = { name: require("./b").name, data: require("../data.json") }`,
    "lib/b/index.ts": `import type { X } from "../nowhere"; export const name: string = "b";`,
    "data.json": `{"x": 3}`,
    "node_modules/pkg/package.json": `{"main": "./main.js"}`,
    "node_modules/pkg/main.js": `exports.p = "pkg"`,
    "esm.ts": `import a, { type T } from "./esm-lib"; import * as all from "./esm-lib"; routerAdd("GET", "/esm", (e) => e.json(200, [a, all.two]))`,
    "esm-lib.mjs": `export default 1; export const two = 2;`,
  });
  assert.deepEqual((await plugin.request("GET", "/")).json(), ["b", 3, "pkg"]);
  assert.deepEqual((await plugin.request("GET", "/esm")).json(), [1, 2]);
});

test("a module is evaluated once, and cycles are no problem", async () => {
  const plugin = await start({
    "a.ts": `import { b } from "./b"; export const a = 1; let n = 0; export const count = () => ++n; routerAdd("GET", "/", (e) => e.json(200, [b(), count()]))`,
    "b.ts": `import { a, count } from "./a"; export const b = () => [a, count()];`,
  });
  assert.deepEqual((await plugin.request("GET", "/")).json(), [[1, 1], 2]);
});

test("an error while loading names the file and the line", async () => {
  const thrown = await refused({ "a.pb.js": "// fine\n\n", "b.pb.js": "const x = 1;\n\nnull.foo;\n" });
  assert.equal(thrown.code, "hook_error");
  assert.match(thrown.message, /^b\.pb\.js:3: TypeError: .*null/);
  const typed = await refused({ "c.ts": "interface A {\n  a: number;\n}\nconst f = <T,>(x: T): T => x;\nthrow new RangeError(`far`);" });
  assert.match(typed.message, /^c\.ts:5: RangeError: far/);
  const inner = await refused({ "d.pb.js": "\nrequire('./lib')", "lib.js": "\n\n\nboom()" });
  assert.match(inner.message, /^lib\.js:4: ReferenceError/);
});

test("a syntax error names the file and the line", async () => {
  assert.match((await refused({ "a.ts": "const a: number = 1;\n\nconst b = ;\n" })).message, /^a\.ts:3: /);
  assert.match((await refused({ "a.pb.js": "const a = ;" })).message, /^a\.pb\.js.*: /);
  assert.match((await refused({ "a.pb.js": "require('./data.json')", "data.json": "{" })).message, /^data\.json: /);
});

test("a missing module is named, and files outside are out of reach", async () => {
  assert.match((await refused({ "a.pb.js": "\nrequire('./gone')" })).message, /a\.pb\.js:2: .*"\.\/gone"/);
  assert.match((await refused({ "a.pb.js": "require('../../etc/passwd')" })).message, /cannot find module/);
});

test("registrations are collected, wrong ones are refused", async () => {
  const { registrations } = await start({
    "a.pb.js": `
      onRecordCreate((e) => e.next(), "posts"); onRecordCreate((e) => e.next(), "users", "posts");
      onRecordUpdate((e) => e.next(), "posts"); onRecordUpdate((e) => e.next());
      onMailerRecordOTPSend((e) => e.next());
      routerAdd("post", "/x/{id}/{rest...}", () => {}); routerAdd("", "/any", () => {});
      cronAdd("a", "* * * * *", () => {}); cronAdd("b", "@daily", () => {}); cronRemove("a");`,
  });
  assert.deepEqual(registrations.hooks, [
    { event: "onRecordCreate", tags: ["posts", "users"], handler: "onRecordCreate" },
    { event: "onRecordUpdate", tags: [], handler: "onRecordUpdate" },
    { event: "onMailerRecordOTPSend", tags: [], handler: "onMailerRecordOTPSend" },
  ]);
  assert.deepEqual(registrations.crons, [{ id: "b", expression: "@daily" }]);
  assert.equal(registrations.routes.length, 6);
  assert.deepEqual(registrations.routes[0], { method: "POST", path: "/x/{id}/{rest...}" });
  assert.match((await refused({ "a.pb.js": `routerAdd("GET", "x", () => {})` })).message, /a\.pb\.js:1: .*path/);
  assert.match((await refused({ "a.pb.js": `routerAdd("GET", "/x", () => {});\nrouterAdd("GET", "/x", () => {})` })).message, /a\.pb\.js:2: .*already/);
  assert.match((await refused({ "a.pb.js": `onRecordCreate("posts")` })).message, /must be a function/);
});

test("jobs run by their id, and what they throw is recorded", async () => {
  const { plugin, calls } = await start({
    "a.pb.js": `
      cronAdd("good", "* * * * *", () => console.log("ran"));
      cronAdd("bad", "@daily", async () => { throw new Error("on purpose") });`,
  });
  await plugin.crons.run("good");
  await plugin.crons.run("bad");
  assert.deepEqual(calls.log.map(({ level, message }) => [level, message]), [["info", "ran"], ["error", "[cronAdd] failed to execute cron job"]]);
  assert.equal(calls.log[1].kept, true);
  assert.equal(calls.log[1].fields.jobId, "bad");
  assert.match(calls.log[1].fields.error, /on purpose.*a\.pb\.js:3/);
  await assert.rejects(plugin.crons.run("none"), { code: "not_found" });
});

test("nothing can be registered later", async () => {
  const plugin = await start({ "a.pb.js": `routerAdd("GET", "/", (e) => { routerAdd("GET", "/late", () => {}) })` });
  assert.equal((await plugin.request("GET", "/")).status, 400);
  assert.match(plugin.calls.log.at(-1).message, /only while the hook files are loaded/);
});

test("names that are not there yet say so", async () => {
  const plugin = await start({ "a.pb.js": `
    routerAdd("GET", "/a", () => $app.newMailClient()); routerAdd("GET", "/b", () => new MailerMessage());
    routerAdd("GET", "/c", () => $filesystem.local("x")); routerAdd("GET", "/d", () => $dbx.exp("1=1")); routerAdd("GET", "/e", () => $os.readFile("x"))` });
  for (const [path, name] of [["/a", "$app.newMailClient()"], ["/b", "new MailerMessage()"], ["/c", "$filesystem.local"], ["/d", "$dbx.exp()"], ["/e", "$os.readFile"]]) {
    assert.equal((await plugin.request("GET", path)).status, 400);
    assert.ok(plugin.calls.log.at(-1).message.includes(`${name} is not available yet`), plugin.calls.log.at(-1).message);
  }
});
