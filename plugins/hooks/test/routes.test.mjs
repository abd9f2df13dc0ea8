import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./harness.mjs";

const GENERIC = { data: {}, message: "Something went wrong while processing your request.", status: 400 };
const json = { headers: "content-type: application/json\n" };
const identity = JSON.stringify({ subject: "users/u1", record: { id: "u1", email: "a@b.c", collectionId: "pbc_users", collectionName: "users" } });
const superuser = JSON.stringify({ subject: "_superusers/s", record: { id: "s", email: "s@b.c", collectionId: "pbc_su", collectionName: "_superusers" } });

/** One route; answers what it makes of a request. */
async function route(handler, options = {}, pattern = "/") {
  const plugin = await start({ "a.pb.js": `routerAdd("${options.method ?? "GET"}", "${pattern}", ${handler})` });
  return { ...(await plugin.request(options.method ?? "GET", options.path ?? pattern, { route: pattern, ...options })), log: plugin.calls.log };
}

test("each kind of response", async () => {
  const cases = [
    ["(e) => e.json(201, { a: 1 })", 201, "application/json", '{"a":1}'],
    ["(e) => e.json(400, { a: 1 })", 400, "application/json", '{"a":1}'],
    ["(e) => e.string(200, 'héllo')", 200, "text/plain; charset=utf-8", "héllo"],
    ["(e) => e.html(200, '<b>')", 200, "text/html; charset=utf-8", "<b>"],
    ["(e) => e.noContent(204)", 204, undefined, ""],
    ["(e) => {}", 200, undefined, ""],
    ["(e) => { e.response.header().set('Content-Type', 'text/csv'); return e.string(200, 'a,b') }", 200, "text/csv", "a,b"],
    ["(e) => { e.response.write('a'); e.response.write('b') }", 200, undefined, "ab"],
    ["(e) => e.json(200, { at: new DateTime('2024-01-02 03:04:05.678Z'), none: null })", 200, "application/json", '{"at":"2024-01-02 03:04:05.678Z","none":null}'],
  ];
  for (const [handler, status, type, text] of cases) {
    const answer = await route(handler);
    assert.deepEqual([answer.status, answer.headers["Content-Type"], answer.text], [status, type, text], handler);
  }
  const moved = await route("(e) => e.redirect(302, '/x')");
  assert.deepEqual([moved.status, moved.headers.Location], [302, "/x"]);
  assert.deepEqual([...(await route("(e) => e.blob(200, 'application/x', [1, 2, 3])")).text], [1, 2, 3]);
  const cookie = await route("(e) => e.setCookie(new Cookie({ name: 'a', value: 'b c', path: '/', httpOnly: true, secure: true, maxAge: 10, sameSite: 3 }))");
  assert.equal(cookie.headers["Set-Cookie"], 'a="b c"; Path=/; Max-Age=10; HttpOnly; Secure; SameSite=Strict');
});

test("errors become PocketBase's envelope", async () => {
  const cases = [
    ["throw new BadRequestError('oops here', { a: 'x', c: { d: new ValidationError('cc', 'mm') }, e: new ValidationError('invalid_x', 'bad x') })",
      { data: { a: { code: "validation_invalid_value", message: "Invalid value." }, c: { d: { code: "cc", message: "Mm." } }, e: { code: "invalid_x", message: "Bad x." } }, message: "Oops here.", status: 400 }],
    ["throw new ApiError(418, 'teapot')", { data: {}, message: "Teapot.", status: 418 }],
    ["throw new ForbiddenError()", { data: {}, message: "You are not allowed to perform this request.", status: 403 }],
    ["throw new NotFoundError()", { data: {}, message: "The requested resource wasn't found.", status: 404 }],
    ["throw new UnauthorizedError()", { data: {}, message: "Missing or invalid authentication.", status: 401 }],
    ["throw new TooManyRequestsError()", { data: {}, message: "Too Many Requests.", status: 429 }],
    ["throw new InternalServerError()", { ...GENERIC, status: 500 }],
    ["return e.notFoundError('nope')", { data: {}, message: "Nope.", status: 404 }],
    ["throw new Error('secret')", GENERIC], ["throw 'text'", GENERIC], ["throw new ValidationError('a', 'b')", GENERIC],
    ["$app.findRecordById('posts', 'gone')", { data: {}, message: "The requested resource wasn't found.", status: 404 }],
  ];
  for (const [body, envelope] of cases) {
    const answer = await route(`(e) => { ${body} }`);
    assert.deepEqual([answer.status, answer.json()], [envelope.status, envelope], body);
  }
  const plain = await route("(e) => {\n\n throw new Error('secret') }");
  assert.match(plain.log.at(-1).message, /^GET \/: secret \(a\.pb\.js:3\)$/);
});

test("failed validations of the host reach the client", async () => {
  const plugin = await start({ "a.pb.js": `routerAdd("GET", "/", (e) => $app.save(new Record($app.findCollectionByNameOrId("posts"))))` });
  const { hostError } = await import("./harness.mjs");
  plugin.host["hangar:collections/records"].save = () => {
    throw hostError("api_error", "Failed.", 400, { title: { code: "validation_required", message: "Cannot be blank." } });
  };
  const answer = await plugin.request("GET", "/");
  assert.equal(answer.status, 400);
  assert.deepEqual(answer.json().data, { title: { code: "validation_required", message: "Cannot be blank." } });
});

test("what a handler sees of the request", async () => {
  const answer = await route(`(e) => e.json(200, {
    path: e.request.url.path, raw: e.request.url.rawQuery, id: e.request.pathValue("id"), rest: e.request.pathValue("rest"), none: e.request.pathValue("x"),
    q: e.request.url.query().get("q"), all: e.request.url.query()["q"], h: e.request.header.get("x-Test"), ip: e.realIP(), ua: e.request.userAgent(),
    cookie: e.request.cookie("b").value, basic: e.request.basicAuth(), su: e.hasSuperuserAuth(), auth: e.auth, info: e.requestInfo() })`, {
    path: "/x/a%20b/c/d", params: ["a b", "c/d"], query: "q=1&q=2&z=%C3%A9+x",
    headers: "x-test: yes\nuser-agent: t\ncookie: a=1; b=two\nauthorization: Basic dTpw\n",
  }, "/x/{id}/{rest...}");
  const seen = answer.json();
  assert.deepEqual({ ...seen, info: undefined }, {
    path: "/x/a b/c/d", raw: "q=1&q=2&z=%C3%A9+x", id: "a b", rest: "c/d", none: "", q: "1", all: ["1", "2"], h: "yes", ip: "10.0.0.1", ua: "t",
    cookie: "two", basic: ["u", "p", true], su: false, auth: null, info: undefined,
  });
  assert.deepEqual(seen.info, {
    query: { q: "1", z: "é x" }, headers: { x_test: "yes", user_agent: "t", cookie: "a=1; b=two", authorization: "Basic dTpw" },
    body: {}, auth: null, method: "GET", context: "default",
  });
});

test("bodies: JSON, forms, multipart, and what is none of them", async () => {
  const handler = "(e) => e.json(200, e.requestInfo().body)";
  const post = async (body, type) => route(handler, { method: "POST", body, headers: `content-type: ${type}\n` });
  assert.deepEqual((await post('{"a":"ü"}', "application/json")).json(), { a: "ü" });
  assert.deepEqual((await post("a=1&a=2&b=true&c=&d=007&e=-1.5&f=%C3%BC", "application/x-www-form-urlencoded")).json(), { a: [1, 2], b: true, c: "", d: "007", e: -1.5, f: "ü" });
  const part = (name, text) => `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;
  assert.deepEqual((await post(`${part("a", "1")}${part("@jsonPayload", '{"b":[1]}')}--X--\r\n`, "multipart/form-data; boundary=X")).json(), { a: 1, b: [1] });
  assert.deepEqual((await post("{bad", "application/json")).json(), GENERIC);
  const nested = (depth) => post(`${'{"a":['.repeat(depth)}"]["${"]}".repeat(depth)}`, "application/json");
  assert.deepEqual([(await nested(240)).status, (await nested(260)).status, (await nested(10_000)).status], [200, 400, 400]);
  assert.equal((await post(JSON.stringify({ flat: Array(2000).fill([1]) }), "application/json")).status, 200);
  assert.deepEqual((await post("x", "application/foo")).json(), GENERIC);
  const raw = await route("(e) => e.json(200, [toString(e.request.body), readerToString(e.request.body)])", { method: "POST", body: "héy" });
  assert.deepEqual(raw.json(), ["héy", "héy"]);
});

test("bindBody fills models by their types", async () => {
  const answer = await route("(e) => { const m = new DynamicModel({ a: '', n: 0, b: false, list: [] }); e.bindBody(m); const o = {}; e.bindBody(o); return e.json(200, [m, o]) }",
    { method: "POST", body: '{"a":5,"n":"7","b":"true","z":1,"list":[1]}', ...json });
  assert.deepEqual(answer.json(), [{ a: "5", n: 7, b: true, list: [1] }, { a: 5, n: "7", b: "true", z: 1, list: [1] }]);
});

test("the fields parameter picks from successful answers", async () => {
  const handler = "(e) => e.json(200, { items: [{ id: 1, x: { y: 1, z: 2 }, t: '<p>some long text</p>' }], page: 1, perPage: 30 })";
  assert.deepEqual((await route(handler, { query: "fields=id,x.y,t:excerpt(8,true)" })).json(), { items: [{ id: 1, x: { y: 1 }, t: "some lon..." }], page: 1, perPage: 30 });
  assert.deepEqual((await route("(e) => e.json(200, { a: 1, b: { c: 2, d: 3 } })", { query: "fields=b.*" })).json(), { b: { c: 2, d: 3 } });
});

test("middlewares run by priority, in front of the handler", async () => {
  const plugin = await start({ "a.pb.js": `
    const mark = (x) => (e) => { e.set("a", (e.get("a") || "") + x); return e.next() };
    routerUse(mark("g"));
    routerAdd("GET", "/", (e) => e.json(200, e.get("a")), mark("1"), new Middleware(mark("2"), -5, "id"), mark("3"));
    routerAdd("GET", "/stop", (e) => e.json(200, 1), (e) => e.json(403, 2));
    routerAdd("POST", "/limit", (e) => e.json(200, 1), $apis.bodyLimit(3), $apis.gzip());` });
  assert.equal((await plugin.request("GET", "/")).text, '"2g13"');
  assert.deepEqual([(await plugin.request("GET", "/stop")).status, (await plugin.request("GET", "/stop")).text], [403, "2"]);
  assert.equal((await plugin.request("POST", "/limit", { body: "abcd" })).status, 413);
  assert.equal((await plugin.request("POST", "/limit", { body: "abc" })).status, 200);
});

test("guards look at the identity", async () => {
  const status = async (guard, identity) => (await route(`(e) => e.string(200, e.auth?.email() ?? ""), $apis.${guard}`, { identity, params: ["u1"], path: "/u1" }, "/{id}")).status;
  const table = {
    "requireAuth()": [401, 200, 200], "requireAuth('posts')": [401, 403, 403], "requireGuestOnly()": [200, 400, 400],
    "requireSuperuserAuth()": [401, 403, 200], "requireSuperuserOrOwnerAuth('id')": [401, 200, 200],
  };
  for (const [guard, expected] of Object.entries(table)) {
    assert.deepEqual(await Promise.all([null, identity, superuser].map((who) => status(guard, who))), expected, guard);
  }
  const beside = JSON.stringify({ subject: "pbc_users/u1", collection: { id: "pbc_users", name: "users" }, record: { id: "u1" } });
  assert.equal((await route("(e) => e.json(200, [e.auth.collectionName, e.auth.collection().id])", { identity: beside })).text, '["users","pbc_users"]');
  assert.equal((await route("(e) => e.string(200, e.auth.email())", { identity: JSON.stringify({ subject: "users/u1" }) })).text, "a@b.c");
});

test("handlers may be asynchronous", async () => {
  const answer = await route(`async (e) => {
    const started = Date.now();
    const all = await Promise.all([1, 2, 3].map(async (i) => (await fetch("https://x.example/" + i)).json()));
    await new Promise((done) => setTimeout(done, 10));
    e.json(200, { urls: all.map(({ url }) => url), quick: Date.now() - started < 1000 });
  }`);
  assert.deepEqual(answer.json(), { urls: ["https://x.example/1", "https://x.example/2", "https://x.example/3"], quick: true });
  assert.deepEqual((await route("async () => { await null; throw new ForbiddenError() }")).status, 403);
  const refused = await route("async () => { await fetch('https://refused.example') }");
  assert.match(refused.log.at(-1).message, /TypeError: fetch GET https:\/\/refused\.example\/: not granted \(denied\)/);
});

test("a handler without await around an asynchronous one is waited for", async () => {
  const plugin = await start({ "a.pb.js": `
    routerAdd("GET", "/", async (e) => { await fetch("https://x.example"); e.string(200, "done") }, (e) => { e.next() });
    routerAdd("GET", "/fails", async (e) => { await fetch("https://x.example"); throw new NotFoundError() }, (e) => { e.next() });
    routerAdd("GET", "/caught", async (e) => { await null; throw new Error("x") }, async (e) => { try { await e.next() } catch (err) { e.string(200, "caught " + err.message) } });` });
  assert.equal((await plugin.request("GET", "/")).text, "done");
  assert.equal((await plugin.request("GET", "/fails")).status, 404);
  assert.equal((await plugin.request("GET", "/caught")).text, "caught x");
});
