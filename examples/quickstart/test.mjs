// The README's promises, kept: the demo runs, an edited hook and an added plugin serve without a restart. After
// `make build`.
//
// HANGAR_BIN: the binary (default: where `make build` puts it). HELLO_PLUGIN: the built example plugin (default: built
// here by cargo).
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import PocketBase from "pocketbase";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, "../..");
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "hangar");
const HANGAR = process.env.HANGAR_BIN ?? join(CACHE, "target/release/hangar");
const ADMIN = ["admin@example.com", "1234567890"];
const READY_MS = 90_000;
const LIVE_MS = 30_000; // far more than it takes: the machine may be busy; the time is printed

const work = mkdtempSync(join(tmpdir(), "hangar-quickstart-"));
chmodSync(work, 0o755); // PostgreSQL's own user must get in when this runs as root
const hook = join(work, "pb_hooks/quickstart.pb.ts");
const settings = join(work, "hangar.toml");
let server;
let url;

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

function freePort() {
  return new Promise((done, failed) => {
    const probe = createServer().once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

/** Asks until the answer is `ready`; answers how long that took, in milliseconds. */
async function until(what, limit, ready) {
  const began = Date.now();
  while (!(await ready().catch(() => false))) {
    if (server.exitCode !== null) throw new Error(`the server ended:\n${log()}`);
    if (Date.now() - began > limit) throw new Error(`${what}: not within ${limit} ms. The server says:\n${log()}`);
    await pause(20);
  }
  return Date.now() - began;
}

const allLog = () => readFileSync(join(work, "log"), "utf8").split("\n");
const log = () => allLog().slice(-15).join("\n");
const get = async (path) => {
  const response = await fetch(url + path);
  return { status: response.status, body: await response.json() };
};

function buildHello() {
  const target = join(CACHE, "target-plugins");
  execFileSync("cargo", ["build", "--quiet", "--locked", "--profile", "plugin", "--target", "wasm32-wasip2", "-p", "hello-plugin"], {
    cwd: ROOT, env: { ...process.env, CARGO_TARGET_DIR: target }, stdio: "inherit",
  });
  return join(target, "wasm32-wasip2/plugin/hello_plugin.wasm");
}

before(async () => {
  cpSync(join(HERE, "pb_hooks"), join(work, "pb_hooks"), { recursive: true });
  writeFileSync(settings, "# nothing yet\n");
  execFileSync(HANGAR, ["superuser", "create", ...ADMIN, "--dir", join(work, "data")], { cwd: work, timeout: READY_MS, stdio: "pipe" });
  const address = `127.0.0.1:${await freePort()}`;
  url = `http://${address}`;
  server = spawn(HANGAR, ["serve", "--dir", join(work, "data"), "--http", address, "--config", settings], {
    cwd: work, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, HANGAR_LOG: "info,hangar_http=debug" },
  });
  writeFileSync(join(work, "log"), "");
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (text) => writeFileSync(join(work, "log"), text, { flag: "a" }));
  await until("start", READY_MS, async () => (await fetch(`${url}/api/health`)).ok);
});

after(async () => {
  if (server && server.exitCode === null) {
    const ended = new Promise((done) => server.once("exit", done));
    server.kill("SIGTERM");
    assert.equal(await ended, 0, "the server stops with status 0");
  }
  rmSync(work, { recursive: true, force: true });
});

test("the demo of the README", async () => {
  const printed = execFileSync(process.execPath, ["demo.mjs", url, ...ADMIN], { cwd: HERE, encoding: "utf8" });
  const lines = printed.trim().split("\n");
  assert.match(lines[0], /^\[ 'A pocket is carried along \(5 words, by [a-z0-9]{15}\)' \]$/);
  assert.equal(lines[1], "{ greeting: 'Hello, Ada!', notes: 1, minutes: 1 }");

  const guest = new PocketBase(url);
  assert.deepEqual(await guest.collection("notes").getFullList(), [], "the rule hides the notes of others");
  const admin = new PocketBase(url);
  await admin.collection("_superusers").authWithPassword(...ADMIN);
  const [note] = await admin.collection("notes").getFullList();
  const empty = admin.collection("notes").create({ author: note.author, text: "  " });
  await assert.rejects(empty, { status: 400, message: /A note needs at least one word/ }, "the hook refuses");
  assert.equal((await admin.collection("notes").getList(1, 1)).totalItems, 1, "and nothing was saved");
});

test("the hook has the types of sdk-js", () => {
  const tsc = join(ROOT, "sdk-js/node_modules/typescript/bin/tsc"); // installed by `make build`
  execFileSync(process.execPath, [tsc, "-p", HERE], { stdio: "inherit" });
});

test("an edited TypeScript hook is live without a restart, a broken one changes nothing", async (context) => {
  const text = readFileSync(hook, "utf8");
  // Somebody uses the API all the time.
  const answers = new Map();
  let busy = true;
  context.after(() => { busy = false; });
  const user = (async () => {
    while (busy) {
      const { status } = await get("/quickstart/hello/Ada");
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
  })();
  writeFileSync(hook, text.replace("Hello, ", "Good day, "));
  const greeting = async () => (await get("/quickstart/hello/Ada")).body.greeting;
  const took = await until("the edited hook", LIVE_MS, async () => (await greeting()) === "Good day, Ada!");
  console.log(`live after ${took} ms`);

  writeFileSync(hook, text.replace("interface Reading {", "interface Reading {{"));
  await until("the message about the syntax error", LIVE_MS, async () => log().includes("quickstart.pb.ts:4"));
  assert.equal(await greeting(), "Good day, Ada!", "the version before stays");
  await pause(500);
  // The log lies beside hangar.toml, as it often does: writing it must not look like a change of settings.
  const attempts = allLog().filter((line) => line.includes("not swapped")).length;
  assert.ok(attempts <= 3, `one save made ${attempts} attempts`);
  writeFileSync(hook, text);
  await until("the repaired hook", LIVE_MS, async () => (await greeting()) === "Hello, Ada!");
  busy = false;
  await user;
  assert.deepEqual([...answers.keys()], [200], "no request failed during the swaps");
  assert.ok(answers.get(200) > 10, "and there were some");
  assert.equal(server.exitCode, null);
});

test("a plugin in Rust is added, refused what it is not granted, and granted it", async () => {
  const path = process.env.HELLO_PLUGIN ?? buildHello();
  assert.equal((await get("/hello/Ada")).status, 404);

  writeFileSync(settings, `[plugins.hello]\npath = ${JSON.stringify(path)}\n`);
  // The plugin is there, but its use of the database is denied.
  await until("the plugin", LIVE_MS, async () => (await get("/hello/Ada")).status !== 404);
  assert.equal((await get("/hello/Ada")).status, 403);
  await until("the message about the grant", 5_000, async () => log().includes("[plugins.hello]: grant.postgres = true"));

  writeFileSync(settings, `[plugins.hello]\npath = ${JSON.stringify(path)}\ngrant.postgres = true\n`);
  await until("the grant", LIVE_MS, async () => (await get("/hello/Ada")).status === 200);
  assert.deepEqual((await get("/hello/Ada")).body, [{ greeting: "Hello, Ada!" }]);

  // Its hook and the TypeScript hook are in one chain.
  const admin = new PocketBase(url);
  await admin.collection("_superusers").authWithPassword(...ADMIN);
  const [{ author }] = await admin.collection("notes").getFullList();
  const note = await admin.collection("notes").create({ author, text: "  three little words  " });
  assert.deepEqual([note.text, note.words], ["three little words", 3]);
});
