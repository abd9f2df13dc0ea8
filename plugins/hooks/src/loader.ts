/** Evaluates hook files, which come as data: TypeScript and ES modules are turned into CommonJS first. */
import { type Transform, transform } from "sucrase";
import { forgetAll, placeOf, reserve } from "./places";

export interface SourceFile { path: string; text: string }
interface Module { exports: any; loaded: boolean }

/** What `__hooks` holds: the folder of the hook files, as scripts see it. */
export const HOOKS_FOLDER = "/pb_hooks";
const EXTENSIONS = ["", ".js", ".cjs", ".mjs", ".ts", ".json", ".pb.js", ".pb.ts"];

/** A file that cannot be loaded. The message names the file, the line and the reason. */
export class LoadError extends Error {}

/** Files evaluated on their own, in the order of their names; all others only when something requires them. */
export function isEntry(path: string): boolean {
  return !path.includes("/") && !path.startsWith(".") && (path.endsWith(".pb.js") || (path.endsWith(".ts") && !path.endsWith(".d.ts")));
}

function isTypeScript(path: string): boolean {
  return /\.[cm]?ts$/.test(path);
}

/** Whether a JavaScript file needs the transformation. It may be true without need, never false with need. */
function isModule(text: string): boolean {
  return /(^|[\n;}])\s*(import|export)\b/.test(text) || /\bimport\s*\(/.test(text) || text.includes("import.meta");
}

/** `/a/./b/../c` → `a/c`; undefined if it leaves the folder. */
function normalise(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

export class Loader {
  #files = new Map<string, string>();
  #modules = new Map<string, Module>();

  constructor(files: SourceFile[]) {
    forgetAll();
    for (const { path, text } of files) this.#files.set(normalise(path) ?? path, text);
  }

  /** Evaluates every entry. Throws `LoadError` at the first that fails. */
  run(): void {
    for (const path of [...this.#files.keys()].filter(isEntry).sort()) this.#load(path);
  }

  #load(path: string): any {
    const known = this.#modules.get(path);
    if (known) return known.exports; // perhaps half done: a cycle
    const module: Module = { exports: {}, loaded: false };
    this.#modules.set(path, module);
    try {
      this.#evaluate(path, module);
    } catch (error) {
      this.#modules.delete(path);
      throw error;
    }
    module.loaded = true;
    return module.exports;
  }

  #evaluate(path: string, module: Module): void {
    const text = this.#files.get(path) as string;
    if (path.endsWith(".json")) {
      module.exports = parseJson(path, text);
      return;
    }
    const body = toCommonJs(path, text);
    // On the first line of the file itself, so that the lines of both agree.
    const before = "\n".repeat(reserve(path, body));
    let wrapper;
    try {
      wrapper = (0, eval)(`${before}(function (module, exports, require, __filename, __dirname) {${body}\n})`);
    } catch (error) {
      throw new LoadError(`${placeOf(error) || path}: ${error instanceof Error ? error.message : error}`);
    }
    const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
    const require = (name: string) => this.#require(path, folder, String(name));
    try {
      wrapper.call(module.exports, module, module.exports, require, `${HOOKS_FOLDER}/${path}`, folder ? `${HOOKS_FOLDER}/${folder}` : HOOKS_FOLDER);
    } catch (error) {
      if (error instanceof LoadError) throw error;
      throw new LoadError(`${placeOf(error) || path}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`);
    }
  }

  #require(from: string, folder: string, name: string): any {
    const found = this.#resolve(folder, name);
    if (found === undefined) throw new Error(`cannot find module ${JSON.stringify(name)}, required by ${from}`);
    return this.#load(found);
  }

  #resolve(folder: string, name: string): string | undefined {
    if (name === HOOKS_FOLDER || name.startsWith(`${HOOKS_FOLDER}/`)) return this.#file(name.slice(HOOKS_FOLDER.length));
    if (name.startsWith("./") || name.startsWith("../") || name === "." || name === "..") return this.#file(`${folder}/${name}`);
    // PocketBase resolves bare names against the folder of the hooks, too.
    for (let at = folder; ; at = at.includes("/") ? at.slice(0, at.lastIndexOf("/")) : "") {
      const found = this.#file(`${at}/node_modules/${name}`);
      if (found !== undefined) return found;
      if (at === "") return this.#file(name);
    }
  }

  #file(path: string): string | undefined {
    const base = normalise(path);
    if (base === undefined) return undefined;
    for (const extension of EXTENSIONS) {
      if (this.#files.has(base + extension)) return base + extension;
    }
    const manifest = this.#files.get(`${base}/package.json`);
    if (manifest !== undefined) {
      const main = (parseJson(`${base}/package.json`, manifest) as { main?: unknown } | null)?.main;
      const found = typeof main === "string" ? this.#file(`${base}/${main}`) : undefined;
      if (found !== undefined) return found;
    }
    for (const index of ["index.js", "index.ts", "index.cjs", "index.json"]) {
      const candidate = base ? `${base}/${index}` : index;
      if (this.#files.has(candidate)) return candidate;
    }
    return undefined;
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new LoadError(`${path}: ${error instanceof Error ? error.message : error}`);
  }
}

function toCommonJs(path: string, text: string): string {
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
  if (text.startsWith("#!")) text = `//${text}`;
  const transforms: Transform[] = [];
  if (isTypeScript(path)) transforms.push("typescript");
  if (transforms.length > 0 || isModule(text)) transforms.push("imports");
  if (transforms.length === 0) return text;
  try {
    return transform(text, { transforms, disableESTransforms: true, preserveDynamicImport: false, production: true }).code;
  } catch (error) {
    const { message, loc } = error as { message?: string; loc?: { line: number } };
    const reason = String(message ?? error).replace(/^Error transforming [^:]*: /, "").replace(/ \(\d+:\d+\)$/, "");
    throw new LoadError(`${path}${loc ? `:${loc.line}` : ""}: ${reason}`);
  }
}
