import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./harness.mjs";

/** Runs a function body in a route and answers what it returns. */
async function run(body) {
  const plugin = await start({ "a.pb.js": `routerAdd("GET", "/", async (e) => e.json(200, (await (async () => { ${body} })()) ?? null))` });
  const answer = await plugin.request("GET", "/");
  if (answer.status !== 200) throw new Error(JSON.stringify(plugin.calls.log));
  return { value: answer.json(), calls: plugin.calls };
}

test("finding records", async () => {
  const { value, calls } = await run(`
    const found = $app.findRecordById("posts", "p1");
    $app.findRecordsByFilter("posts", "n > {:n}", "-created", 5, 2, { n: 1 });
    $app.findFirstRecordByData("posts", "title", "first"); $app.findAuthRecordByEmail("users", "a@b.c");
    $app.findAllRecords("posts", $dbx.hashExp({ n: 1 }), $dbx.or($dbx.like("title", "a"), $dbx.between("n", 1, 2)));
    $app.findRecordsByIds("posts", ["p1", "p1", "p2"]);
    let missing; try { $app.findRecordById("posts", "gone") } catch (err) { missing = [err.message, err instanceof Error] }
    return { found, missing, count: $app.countRecords("posts"), name: $app.findCollectionByNameOrId("pbc_posts").name, types: $app.findAllCollections("auth").map((c) => c.name) }`);
  assert.deepEqual(value, {
    found: { collectionId: "pbc_posts", collectionName: "posts", id: "p1", title: "first", n: 1, author: "u1" },
    missing: ["sql: no rows in result set", true], count: 7, name: "posts", types: ["users"],
  });
  assert.deepEqual(calls.select[0], ["posts", { filter: "n > {:n}", sort: "-created", limit: 5, offset: 2, params: { n: 1 } }]);
  assert.deepEqual(calls.select[1][1], { filter: "title = {:value}", limit: 1, params: { value: "first" } });
  const all = calls.select[3][1];
  assert.match(all.filter, /^\(\(\(n = \{:x\d+\}\)\) && \(\(title ~ \{:x\d+\}\) \|\| \(\(n >= \{:x\d+\}\) && \(n <= \{:x\d+\}\)\)\)\)$/);
  assert.deepEqual(Object.values(all.params), [1, "a", 1, 2]);
  assert.deepEqual(Object.values(calls.select[4][1].params), ["p1", "p2"]);
});

test("saving sends only what has changed", async () => {
  const { value, calls } = await run(`
    const old = $app.findRecordById("posts", "p1"); old.set("title", "t"); old.set("n+", 4); $app.save(old);
    const fresh = new Record($app.findCollectionByNameOrId("posts"), { title: "new" }); const before = fresh.isNew();
    $app.saveNoValidate(fresh); old.set("n", 1); $app.save(old);
    return [before, fresh.isNew(), fresh.id]`);
  assert.deepEqual(value, [true, false, "new1"]);
  assert.deepEqual(calls.save[0], ["posts", { id: "p1", title: "t", n: 5 }, { isNew: false, validate: true }]);
  assert.deepEqual(calls.save[1][2], { isNew: true, validate: false });
  assert.equal(calls.save[1][1].title, "new");
  assert.deepEqual(calls.save[2][1], { id: "p1", n: 1 });
});

test("transactions commit, and roll back on an error", async () => {
  const { value, calls } = await run(`
    const a = $app.runInTransaction((tx) => { tx.save(tx.findRecordById("posts", "p1")); return 5 });
    let b; try { $app.runInTransaction(() => { throw new Error("x") }) } catch (err) { b = err.message }
    const c = await $app.runInTransaction(async () => { await fetch("https://x.example"); return 6 });
    return [a, b, c]`);
  assert.deepEqual(value, [5, "x", 6]);
  assert.deepEqual(calls.transaction, ["begin", "commit", "begin", "rollback", "begin", "commit"]);
});

test("SQL gets bound parameters and quoted names", async () => {
  const { value, calls } = await run(`
    const rows = arrayOf(new DynamicModel({ id: "", n: "" }));
    $app.db().newQuery("select [[id]] from {{my\\"table}} where a = {:a} and b = {:b} and c = {:a} and d = '{:no}'").bind({ a: 1, b: "x'; drop" }).all(rows);
    const one = new DynamicModel({ n: 0 }); $app.db().newQuery("select 1").one(one);
    let failed; try { $app.db().newQuery("select {:gone}").all() } catch (err) { failed = err.message }
    return { rows, one, affected: $app.db().newQuery("delete").execute().rowsAffected(), failed }`);
  assert.deepEqual(value, { rows: [{ id: "a", n: "1" }, { id: "b", n: "2" }], one: { n: 1 }, affected: 2, failed: "the query's parameter {:gone} has no value" });
  assert.equal(calls.sql[0].sql, `select "id" from "my""table" where a = $1 and b = $2 and c = $1 and d = '{:no}'`);
  assert.deepEqual(JSON.parse(JSON.stringify(calls.sql[0].params)), [{ tag: "integer", val: 1 }, { tag: "text", val: "x'; drop" }]);
});

test("records: getters, visibility, passwords, tokens", async () => {
  const { value } = await run(`
    const r = new Record($app.findCollectionByNameOrId("users"), { email: "a@b.c", n: "12.7", b: "true", list: ["a", "", "a"], at: "2024-01-02 03:04:05Z" });
    const shown = Object.keys(r.publicExport()); r.ignoreEmailVisibility(true); r.unhide("tokenKey"); r.hide("verified");
    r.setPassword("secret"); r.id = "u9";
    return { n: [r.getInt("n"), r.getFloat("n"), r.getString("n"), r.getBool("b"), r.getStringSlice("list"), r.getDateTime("at").string(), r.get("none"), r.getString("none")],
      shown, later: Object.keys(r.publicExport()), ok: [r.validatePassword("secret"), r.validatePassword("x")], email: r.email(), verified: r.verified(),
      token: r.newAuthToken(), fixed: r.newStaticAuthToken(5e9), custom: r.customData() }`);
  assert.deepEqual(value.n, [12, 12.7, "12.7", true, ["a"], "2024-01-02 03:04:05.000Z", null, ""]);
  assert.deepEqual(value.shown, ["collectionId", "collectionName", "emailVisibility", "id", "verified"]);
  assert.deepEqual(value.later, ["collectionId", "collectionName", "email", "emailVisibility", "id", "tokenKey"]);
  assert.deepEqual([value.ok, value.email, value.verified], [[true, false], "a@b.c", false]);
  assert.deepEqual([value.token, value.fixed], ["auth.users.u9.{}", 'auth.users.u9.{"refreshable":false,"duration":5}']);
  assert.deepEqual(value.custom, { n: "12.7", b: "true", list: ["a", "", "a"], at: "2024-01-02 03:04:05Z" });
});

test("expanding relations", async () => {
  const { value } = await run(`
    const p = $app.findRecordById("posts", "p1");
    const failures = $app.expandRecord(p, ["author", "nothing"], null);
    return { author: p.expandedOne("author").email(), exported: p.publicExport().expand.author.id, failures: Object.keys(failures) }`);
  assert.deepEqual(value, { author: "a@b.c", exported: "u1", failures: ["nothing"] });
});

test("store, security, http, dates, logger", async () => {
  const { value, calls } = await run(`
    const s = $app.store(); s.set("a", { x: 1 }); s.getOrSet("b", () => 2); $app.logger().with("k", 1).info("hello", "user", "u1"); console.log("x", { a: 1 }, [1], null);
    const d = new DateTime("2024-01-31 10:00:00.000Z");
    const r = $http.send({ url: "https://y.example", method: "post", data: { a: 1 } });
    const t = $security.createJWT({ id: "x" }, "secret", 60);
    return { s: [s.get("a"), s.get("none"), s.has("a"), s.length(), s.setIfLessThanLimit("c", 1, 2)], md5: $security.md5("x"), hs: $security.hs256("t", "s"), len: $security.randomString(5).length,
      jwt: $security.parseJWT(t, "secret").id, date: [d.unix(), d.add(1e9).string(), d.addDate(0, 0, 1).string(), d.before(new DateTime("2025-01-01")), new DateTime("").isZero(), new DateTime("").string()],
      http: [r.statusCode, r.json.method, r.json.length, r.headers["Content-Type"], r.cookies.a.value], env: $os.getenv("HOME"), path: $filepath.join("a", "../b", "c.txt"), dev: $app.isDev() }`);
  assert.deepEqual(value, {
    s: [{ x: 1 }, null, true, 2, false], md5: "9dd4e461268c8034f5c8564e155c67a6", hs: "61f074c3fcd0a129debe8f2b1c6f66d8824d615cf8397cc192eb58a8b0367889", len: 5,
    jwt: "x", date: [1706695200, "2024-01-31 10:00:01.000Z", "2024-02-01 10:00:00.000Z", true, true, ""],
    http: [200, "POST", 7, ["application/json"], "1"], env: "", path: "b/c.txt", dev: false,
  });
  assert.deepEqual(calls.log.slice(0, 2), [
    { level: "info", message: "hello", fields: { k: 1, user: "u1" }, kept: true }, { level: "info", message: 'x {"a":1} [1] null', fields: {} },
  ]);
});

test("the web platform's parts", async () => {
  const { value } = await run(`
    const long = "héllo 😀 ".repeat(20); const bad = new Uint8Array([0x61, 0xff, 0xe2, 0x82, 0x62]);
    const controller = new AbortController(); setTimeout(() => controller.abort(), 1);
    let aborted; try { await fetch("https://x.example", { signal: controller.signal }) } catch (err) { aborted = err.name }
    const never = setTimeout(() => { throw new Error("must not run") }, 1); clearTimeout(never);
    const form = new FormData(); form.append("a", "1"); form.append("f", new Blob(["x"], { type: "text/plain" }), "f.txt");
    const sent = await (await fetch("https://x.example", { method: "POST", body: form })).json();
    let ticks = 0; await new Promise((done) => { const id = setInterval(() => { if (++ticks === 3) { clearInterval(id); done() } }, 1) });
    return { text: new TextDecoder().decode(new TextEncoder().encode(long)) === long, bad: new TextDecoder().decode(bad), url: new URL("../c?x=1#h", "https://u@h.example:8/a/b").href,
      query: new URLSearchParams({ a: "1 2" }).toString(), clone: structuredClone({ a: new Date(0), b: [1] }), uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()),
      sha: new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode("x"))).length, aborted, method: sent.method, large: sent.length > 200, ticks,
      headers: [...new Headers({ B: "2", a: "1" })], response: await Response.json({ a: 1 }).text(), random: Math.random() !== Math.random() }`);
  assert.deepEqual(value, {
    text: true, bad: "a\ufffd\ufffdb", url: "https://u@h.example:8/c?x=1#h", query: "a=1+2", clone: { a: "1970-01-01T00:00:00.000Z", b: [1] }, uuid: true, sha: 32,
    aborted: "AbortError", method: "POST", large: true, ticks: 3, headers: [["a", "1"], ["b", "2"]], response: '{"a":1}', random: true,
  });
});
