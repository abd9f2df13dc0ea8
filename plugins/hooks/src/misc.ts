/** The small globals: `$os`, `$filepath`, `toString`, `unmarshal` and the like. */
import { utf8Decode, utf8Encode } from "../../../sdk-js/polyfills/encoding";
import { notAvailable, unavailable } from "./errors";

function clean(path: string): string {
  const rooted = path.startsWith("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.length > 0 && parts[parts.length - 1] !== "..") parts.pop();
    else if (part !== ".." || !rooted) parts.push(part);
  }
  return (rooted ? "/" : "") + parts.join("/") || ".";
}

function base(path: string): string {
  return path.replace(/\/+$/, "").split("/").pop() || (path ? "/" : ".");
}

export const filepath = Object.assign(Object.create(unavailable("$filepath")), {
  clean, base,
  join: (...parts: string[]) => (parts.some(Boolean) ? clean(parts.filter(Boolean).join("/")) : ""),
  dir: (path: string) => clean(path.slice(0, path.lastIndexOf("/") + 1)),
  ext: (path: string) => /\.[^./]*$/.exec(path)?.[0] ?? "",
  isAbs: (path: string) => path.startsWith("/"),
  split: (path: string) => [path.slice(0, path.lastIndexOf("/") + 1), path.slice(path.lastIndexOf("/") + 1)],
  fromSlash: (path: string) => path,
  toSlash: (path: string) => path,
});

/** No environment is granted to the hooks, so every variable is unset. */
export const os = Object.assign(Object.create(unavailable("$os")), { args: [], getenv: (_name: string) => "" });

export const process = { env: {}, argv: [] };

export function toText(value: unknown): string {
  if (value instanceof Uint8Array) return utf8Decode(value);
  if (Array.isArray(value) && value.every((item) => Number.isInteger(item))) return utf8Decode(Uint8Array.from(value));
  if (value !== null && typeof value === "object" && value.toString === Object.prototype.toString) return JSON.stringify(value);
  return String(value ?? "");
}

export function toBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const bytes = (value as { bytes?: unknown } | null)?.bytes;
  return bytes instanceof Uint8Array ? bytes : utf8Encode(toText(value));
}

/** Copies what a JSON text or an object has into `target`. */
export function unmarshal(source: unknown, target: object): void {
  Object.assign(target, typeof source === "string" || source instanceof Uint8Array ? JSON.parse(toText(source)) : JSON.parse(JSON.stringify(source)));
}

/** PocketBase's blocks its thread; a component cannot. */
export function sleep(_milliseconds: number): never {
  return notAvailable("sleep() (write `await new Promise((done) => setTimeout(done, milliseconds))` in an async handler)");
}
