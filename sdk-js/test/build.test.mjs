// Builds small plugins and reads the components back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../build.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "hangar-build-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const MANIFEST = { name: "demo", version: "1.2.3", grants: ["fetch"] };
const WORLD = `package demo:plugin@0.1.0;
world demo {
  import hangar:fetch/concurrent@0.1.0;
  import hangar:crypto/random@0.1.0;
  import hangar:crypto/digest@0.1.0;
  export hangar:http/handler@0.1.0;
  export hangar:hooks/handler@0.1.0;
}`;
const SOURCE = `export const httpHandler = { async handle(request: { path: string }) { return { status: 200, headers: [], payload: { tag: "text", val: request.path } } } };
export const hooksHandler = { async handle(handler: string, event: string, payload: string) { return payload } };`;

function plugin(name, files) {
  const path = join(folder, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(path, file, ".."), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  return path;
}

function build(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

/** The top-level custom sections, and the names in the export section. */
function read(path) {
  const bytes = readFileSync(path);
  const custom = {};
  let exported = "";
  const number = (at) => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return [value, at];
    }
  };
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at];
    const [size, start] = number(at + 1);
    if (id === 0) {
      const [length, name] = number(start);
      custom[bytes.subarray(name, name + length)] = bytes.subarray(name + length, start + size).toString();
    } else if (id === 11) exported += bytes.subarray(start, start + size).toString("latin1");
    at = start + size;
  }
  return { magic: bytes.subarray(0, 4).toString("latin1"), custom, exported };
}

test("a plugin becomes a component that carries its manifest", () => {
  const path = plugin("good", { "manifest.json": JSON.stringify(MANIFEST, null, 2), "world.wit": WORLD, "src/main.ts": SOURCE });
  const out = join(folder, "out/good.wasm");
  const first = build(path, "-o", out);
  assert.equal(first.status, 0, first.stderr);
  const { magic, custom, exported } = read(out);
  assert.equal(magic, "\0asm");
  assert.deepEqual(JSON.parse(custom["hangar:manifest"]), MANIFEST);
  // Two interfaces of one name keep their names.
  assert.ok(exported.includes("hangar:http/handler@0.1.0") && exported.includes("hangar:hooks/handler@0.1.0"));
  assert.ok(!exported.includes("hooks-handler"));

  const { mtimeMs } = statSync(out);
  assert.match(build(path, "-o", out).stdout, /unchanged/);
  assert.equal(statSync(out).mtimeMs, mtimeMs);
  writeFileSync(join(path, "src/main.ts"), SOURCE.replace("200", "201"));
  assert.match(build(path, "-o", out).stdout, /KiB/);
  assert.match(build(path, "-o", out).stdout, /unchanged/);
  writeFileSync(out, readFileSync(out).subarray(0, 5000)); // cut short: must be built again
  assert.match(build(path, "-o", out).stdout, /KiB/);
});

test("mistakes are named", () => {
  const out = join(folder, "none.wasm");
  assert.match(build().stderr, /usage/);
  assert.match(build(join(folder, "nowhere"), "-o", out).stderr, /manifest\.json is missing/);
  assert.match(build(plugin("a", { "manifest.json": "{" }), "-o", out).stderr, /error: .*manifest\.json/);
  assert.match(build(plugin("b", { "manifest.json": "{}" }), "-o", out).stderr, /"name" and a "version"/);
  assert.match(build(plugin("c", { "manifest.json": JSON.stringify(MANIFEST), "world.wit": WORLD }), "-o", out).stderr, /has no entry/);
  const broken = build(plugin("d", { "manifest.json": JSON.stringify(MANIFEST), "world.wit": WORLD, "main.ts": "const x = ;" }), "-o", out);
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /main\.ts:1:10/);
});
