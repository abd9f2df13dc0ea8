#!/usr/bin/env node
// Builds a TypeScript or JavaScript plugin into a component:
//
//   node sdk-js/build.mjs <plugin folder> -o plugin.wasm [--wit <folder of the hangar packages>] [--force]
//
// The folder holds `manifest.json`, `world.wit` and `src/main.ts` (or `main.ts`, `src/main.js`, `main.js`). The build
// bundles the entry with the web polyfills, makes a component of it and appends the manifest as custom section
// `hangar:manifest`. A second custom section, `hangar:build`, names the inputs, so that an unchanged plugin is skipped.
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const SDK = dirname(fileURLToPath(import.meta.url));
const ENTRIES = ["src/main.ts", "main.ts", "src/main.js", "main.js"];

/** What the user did wrong; printed without a stack. */
class Problem extends Error {}

function parseArguments(args) {
  const options = { folder: "", out: "", wit: resolve(SDK, "../wit"), force: false };
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "-o" || args[i] === "--out") options.out = args[++i] ?? "";
    else if (args[i] === "--wit") options.wit = resolve(args[++i] ?? "");
    else if (args[i] === "--force") options.force = true;
    else if (args[i].startsWith("-")) throw new Problem(`unknown option ${args[i]}`);
    else if (options.folder) throw new Problem(`more than one plugin folder: ${options.folder} and ${args[i]}`);
    else options.folder = args[i];
  }
  if (!options.folder || !options.out) throw new Problem("usage: build.mjs <plugin folder> -o <file.wasm> [--wit <folder>] [--force]");
  return { ...options, folder: resolve(options.folder), out: resolve(options.out) };
}

function readManifest(folder) {
  const path = join(folder, "manifest.json");
  if (!existsSync(path)) throw new Problem(`${path} is missing`);
  let manifest;
  try {
    manifest = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Problem(`${path}: ${error.message}`);
  }
  if (typeof manifest.name !== "string" || typeof manifest.version !== "string") {
    throw new Problem(`${path} needs a "name" and a "version"`);
  }
  return manifest;
}

/** One ES module: the polyfills and the plugin, with the imports from the host left open. */
async function bundle(folder) {
  const { build } = await import("esbuild");
  const entry = ENTRIES.map((name) => join(folder, name)).find((path) => existsSync(path));
  if (!entry) throw new Problem(`${folder} has no entry; looked for ${ENTRIES.join(", ")}`);
  const result = await build({
    stdin: {
      contents: `import ${JSON.stringify(join(SDK, "polyfills/index.ts"))}; export * from ${JSON.stringify(entry)};`,
      resolveDir: folder,
      sourcefile: "component.js",
    },
    absWorkingDir: folder,
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import"],
    target: "es2023",
    external: ["hangar:*"],
    // Names stay: they show in stack traces. The rest only shrinks the component.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    logLevel: "warning",
  });
  return result.outputFiles[0].text;
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".wit"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** A digest of all that decides the result: sources, contract, manifest, and the versions of the tools. */
function inputDigest(source, manifest, world, wit) {
  const hash = createHash("sha256");
  const add = (name, content) => hash.update(`${name}\0${content.length}\0`).update(content);
  add("bundle", source);
  add("manifest", JSON.stringify(manifest));
  add("world", world);
  for (const path of filesBelow(wit)) add(relative(wit, path), readFileSync(path));
  add("tools", readFileSync(join(SDK, "package-lock.json")));
  add("build", readFileSync(fileURLToPath(import.meta.url)));
  return hash.digest("hex");
}

/**
 * The tool looks JavaScript exports up by the last part of the interface's name, so two exported interfaces of one name
 * (`hangar:http/handler` and `hangar:hooks/handler`) would be one. Such interfaces are built under a name of their own
 * (`hooks-handler`, in JavaScript `hooksHandler`) and get their true one back in the finished component.
 */
function colliding(world) {
  const exported = [...world.matchAll(/^\s*export\s+([a-z][\w-]*):([\w-]+)\/([\w-]+)(@[\w.+-]+)?\s*;/gm)]
    .map(([, namespace, name, short, version = ""]) => ({ namespace, name, short, version }));
  return exported
    .filter(({ short }) => exported.filter((other) => other.short === short).length > 1)
    .map((one) => ({ ...one, alias: `${one.name}-${one.short}` }));
}

function renameInWit(text, renames) {
  for (const { namespace, name, short, alias } of renames) {
    const owns = new RegExp(`^package ${namespace}:${name}[@;]`, "m").test(text);
    if (owns) text = text.replace(new RegExp(`\\binterface ${short}\\b`), `interface ${alias}`);
    text = text.replace(new RegExp(`\\b${namespace}:${name}/${short}(?![\\w-])`, "g"), `${namespace}:${name}/${alias}`);
  }
  return text;
}

async function componentizeIn(source, world, wit) {
  const { componentize } = await import("componentize-qjs");
  const renames = colliding(world.toString());
  const folder = mkdtempSync(join(tmpdir(), "hangar-build-"));
  try {
    writeFileSync(join(folder, "world.wit"), renameInWit(world.toString(), renames));
    cpSync(wit, join(folder, "deps"), { recursive: true });
    for (const path of filesBelow(join(folder, "deps"))) writeFileSync(path, renameInWit(readFileSync(path, "utf8"), renames));
    const { component } = await componentize({ witPath: folder, jsSource: source });
    return renames.length > 0 ? renameExports(component, renames) : component;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const EXPORT_SECTION = 11;

/** The sections of a component: `{id, content}` after the eight bytes of the header. */
function sections(component) {
  const found = [];
  for (let at = 8; at < component.length; ) {
    const id = component[at++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = component[at++];
      size += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    found.push({ id, content: component.subarray(at, at + size) });
    at += size;
  }
  return found;
}

function renameExports(component, renames) {
  const parts = [component.subarray(0, 8)];
  const missing = new Set(renames);
  for (const section of sections(component)) {
    let { content } = section;
    for (const rename of section.id === EXPORT_SECTION ? renames : []) {
      const { namespace, name, short, version, alias } = rename;
      const from = named(`${namespace}:${name}/${alias}${version}`);
      const at = content.indexOf(from);
      if (at < 0) continue;
      missing.delete(rename);
      content = Buffer.concat([content.subarray(0, at), named(`${namespace}:${name}/${short}${version}`), content.subarray(at + from.length)]);
    }
    parts.push(Buffer.from([section.id]), leb128(content.length), content);
  }
  if (missing.size > 0) throw new Error(`the component does not export ${[...missing].map(({ alias }) => alias).join(", ")}`);
  return Buffer.concat(parts);
}

/** A text with its length in front, as names are written. */
function named(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([leb128(bytes.length), bytes]);
}

function leb128(value) {
  const bytes = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0);
  return Buffer.from(bytes);
}

function customSection(name, content) {
  const body = Buffer.concat([named(name), Buffer.from(content)]);
  return Buffer.concat([Buffer.from([0]), leb128(body.length), body]);
}

/** The section that ends a built file: what it was made from, and the digest of all bytes before it. */
function stamp(inputs, content) {
  return customSection("hangar:build", `${inputs} ${createHash("sha256").update(content).digest("hex")}`);
}

function isCurrent(path, inputs) {
  if (!existsSync(path)) return false;
  const bytes = readFileSync(path);
  const length = stamp(inputs, Buffer.alloc(0)).length;
  const content = bytes.subarray(0, Math.max(0, bytes.length - length));
  return bytes.subarray(content.length).equals(stamp(inputs, content));
}

async function main() {
  const options = parseArguments(process.argv.slice(2));
  const started = Date.now();
  const manifest = readManifest(options.folder);
  const worldPath = join(options.folder, "world.wit");
  if (!existsSync(worldPath)) throw new Problem(`${worldPath} is missing`);
  const world = readFileSync(worldPath);
  const source = await bundle(options.folder);
  const inputs = inputDigest(source, manifest, world, options.wit);
  if (!options.force && isCurrent(options.out, inputs)) {
    console.log(`${manifest.name}: unchanged (${Date.now() - started} ms)`);
    return;
  }
  const component = await componentizeIn(source, world, options.wit);
  const content = Buffer.concat([component, customSection("hangar:manifest", JSON.stringify(manifest))]);
  mkdirSync(dirname(options.out), { recursive: true });
  // Renamed into place, so that nobody ever loads half a component.
  const partial = `${options.out}.${process.pid}.tmp`;
  writeFileSync(partial, Buffer.concat([content, stamp(inputs, content)]));
  renameSync(partial, options.out);
  console.log(`${manifest.name}: ${Math.round(content.length / 1024)} KiB in ${Date.now() - started} ms`);
}

main().catch((error) => {
  console.error(error instanceof Problem ? `error: ${error.message}` : error);
  process.exitCode = 1;
});
