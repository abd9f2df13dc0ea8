// Runs the component's code in a context of its own, with a host made of plain functions.
import { createHash, createHmac } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "../../../sdk-js/node_modules/esbuild/lib/main.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** `import x from "hangar:kv/store@0.1.0"` becomes `__host["hangar:kv/store"]`. */
const hostModules = {
  name: "host",
  setup(builder) {
    builder.onResolve({ filter: /^hangar:/ }, ({ path }) => ({ path, namespace: "host" }));
    builder.onLoad({ filter: /.*/, namespace: "host" }, ({ path }) => ({
      contents: `export default globalThis.__host[${JSON.stringify(path.replace(/@.*/, ""))}];`,
    }));
  },
};

const bundled = build({
  stdin: {
    contents: `import "../../sdk-js/polyfills/index.ts"; export * from "./src/main.ts"; export { compileSql } from "./src/db.ts"; export { pickFields } from "./src/fields.ts";`,
    resolveDir: root,
  },
  bundle: true, write: false, format: "iife", globalName: "plugin", platform: "neutral", target: "es2022",
  mainFields: ["module", "main"], plugins: [hostModules], logLevel: "silent",
}).then(({ outputFiles }) => outputFiles[0].text);

/** What the tool makes of an error of the host. */
export function hostError(code, message, status = 0, data = {}) {
  return Object.assign(new Error("[object Object] (see error.payload)"), { payload: { code, message, status, data: JSON.stringify(data) } });
}

function later(milliseconds, result) {
  let cancel;
  const promise = new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(result()), milliseconds);
    cancel = () => {
      clearTimeout(timer);
      reject(new Error("cancelled"));
    };
  });
  promise.catch(() => {});
  return { read: () => promise, cancelRead: () => cancel(), drop() {} };
}

export const POSTS = {
  id: "pbc_posts", name: "posts", type: "base", created: "2024-01-01 00:00:00.000Z",
  fields: [
    { name: "id", type: "text" }, { name: "title", type: "text" }, { name: "n", type: "number" },
    { name: "secret", type: "text", hidden: true }, { name: "author", type: "relation", collectionId: "pbc_users", maxSelect: 1 },
  ],
};
export const USERS = {
  id: "pbc_users", name: "users", type: "auth", created: "2024-01-01 00:00:00.000Z",
  fields: ["id", "email", "emailVisibility", "verified", "password", "tokenKey"].map((name) => ({ name, type: name === "verified" ? "bool" : "text" })),
};

/** A running plugin. `calls` are the host calls that tests look at; everything in `host` can be replaced. */
export async function start(files, { dev = false } = {}) {
  const calls = { log: [], save: [], select: [], sql: [], send: [], transaction: [] };
  const values = new Map();
  const collections = [POSTS, USERS];
  const stored = { posts: { p1: { id: "p1", title: "first", n: 1, secret: "s", author: "u1" } }, users: { u1: { id: "u1", email: "a@b.c", verified: true } } };
  const collectionOf = (name) => collections.find((one) => one.id === name || one.name === name);
  const whole = (collection, record) => JSON.stringify({ ...record, collectionId: collectionOf(collection).id, collectionName: collectionOf(collection).name });
  const host = {
    "hangar:plugin/context": { requestId: () => "r1", identity: () => null, forgetIdentity() {}, transactionMarked: () => false },
    "hangar:http/guard": { clientAddress: () => "", privilegedMayCome: () => true, check() {} },
    "hangar:log/logger": {
      log: (level, message, fields) => calls.log.push({ level, message, fields: fields ? JSON.parse(fields) : {} }),
      record: (level, message, fields) => calls.log.push({ level, message, fields: JSON.parse(fields), kept: true }),
    },
    "hangar:config/settings": { get: () => "{}" },
    "hangar:kv/store": {
      get: (key) => values.get(key) ?? null, set: (key, value) => void values.set(key, value), delete: (key) => values.delete(key),
      keys: (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)), increment: () => 0,
    },
    "hangar:kv/revisions": { current: () => 0, bump: () => 1 },
    "hangar:crypto/random": { bytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)), text: (length, alphabet) => alphabet[0].repeat(length) },
    "hangar:crypto/digest": {
      hash: (algorithm, data) => createHash(algorithm).update(data).digest("hex"),
      hmac: (algorithm, key, data) => createHmac(algorithm, key).update(data).digest("hex"), equal: (a, b) => a === b,
    },
    "hangar:crypto/password": { hash: (text) => `hash:${text}`, verify: (text, hash) => hash === `hash:${text}` },
    "hangar:crypto/jwt": { sign: (claims) => `token${claims}`, verify: (token) => token.slice(5), unverified: (token) => token.slice(5) },
    "hangar:fetch/client": { send: (request) => (calls.send.push(request), answerTo(request)) },
    "hangar:fetch/concurrent": {
      start: (request) => later(5, () => request.url.includes("refused")
        ? { tag: "err", val: { code: "denied", message: "not granted", status: 403, data: "{}" } }
        : { tag: "ok", val: answerTo(request) }),
      sleep: (milliseconds) => later(milliseconds, () => ({ tag: "ok" })),
    },
    "hangar:postgres/query": {
      query: (statements) => (calls.sql.push(...statements), statements.map(() => JSON.stringify({ columns: [["id", "text"], ["n", "int4"]], rows: [["a", 1], ["b", 2]], affected: 2 }))),
      batch() {},
    },
    "hangar:postgres/transactions": {
      begin: () => (calls.transaction.push("begin"), {}), active: () => false,
      Transaction: { commit: () => void calls.transaction.push("commit"), rollback: () => void calls.transaction.push("rollback") },
    },
    "hangar:hooks/next": { call: () => "" },
    "hangar:collections/records": {
      collection: (name) => {
        const found = collectionOf(name);
        if (!found) throw hostError("not_found", "no such collection", 404);
        return JSON.stringify(found);
      },
      collections: () => JSON.stringify(collections),
      find: (collection, id) => {
        const found = stored[collectionOf(collection)?.name]?.[id];
        if (!found) throw hostError("not_found", "no such record", 404);
        return whole(collection, found);
      },
      select: (collection, query) => {
        calls.select.push([collection, JSON.parse(query)]);
        return `[${Object.values(stored[collection]).map((record) => whole(collection, record)).join()}]`;
      },
      count: () => 7,
      save: (collection, record, options) => {
        calls.save.push([collection, JSON.parse(record), JSON.parse(options)]);
        return whole(collection, { ...JSON.parse(record), id: JSON.parse(record).id || "new1" });
      },
      delete() {}, present: (_, records) => records,
    },
    "hangar:auth/tokens": { issue: (kind, collection, id, options) => `${kind}.${collection}.${id}.${options}` },
  };
  const context = createContext({ __host: host, btoa, atob, queueMicrotask, performance, Uint8Array, ArrayBuffer });
  runInContext(await bundled, context);
  const plugin = runInContext("plugin", context);
  const sources = Object.entries(files).map(([path, text]) => ({ path, text }));
  const registrations = await plugin.lifecycle.start(JSON.stringify({ files: sources, dev }));
  return {
    calls, host, plugin, registrations: JSON.parse(registrations),
    async request(method, path, { route = path, params = [], query = "", headers = "", body = "", identity = null } = {}) {
      const answer = await plugin.httpHandler.handle({
        method, path, query, headers, route, params, identity, remoteAddress: "10.0.0.1", body: new TextEncoder().encode(body),
      });
      const text = answer.payload.val ?? "";
      return { status: answer.status, headers: Object.fromEntries(answer.headers), text, json: () => JSON.parse(text) };
    },
    /** Raises an event after the patches of others; answers all patches that were made, and what was sent to `next`. */
    async raise(event, { request, ...document }, before = "") {
      const read = (patches) => patches.split("\u001e").filter(Boolean).map((part) => JSON.parse(part));
      const [made, sent] = [[], []];
      const next = host["hangar:hooks/next"];
      const { call } = next;
      next.call = (patches) => {
        sent.push(read(patches));
        const others = call(patches);
        made.push(...read(patches), ...read(others));
        return others;
      };
      try {
        const text = request ? JSON.stringify(request) : "";
        made.push(...read(await plugin.hooksHandler.handle(event, event, JSON.stringify(document), text, before)));
      } finally {
        next.call = call;
      }
      return { answer: made, sent };
    },
  };
}

function answerTo({ method, url, body }) {
  return { status: 200, url, headers: [["content-type", "application/json"], ["set-cookie", "a=1; Path=/"]], body: new TextEncoder().encode(JSON.stringify({ method, url, length: body.length })) };
}
