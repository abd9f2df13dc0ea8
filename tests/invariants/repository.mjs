// The repository as the rules see it: its text files and what cargo says of its crates.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const SKIPPED = new Set(["node_modules", "target", "dist", "hangar_data", ".git"]);
/** As in deny.toml: dependencies of other platforms do not count. */
const PLATFORMS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin"];

export class Repository {
  #texts = new Map();
  #crates;

  /** Paths, relative to the root with `/`, of files below `folder` whose names match. */
  files(folder, pattern) {
    const walk = (at) => readdirSync(join(ROOT, at), { withFileTypes: true }).flatMap((entry) => {
      const path = at ? `${at}/${entry.name}` : entry.name;
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : walk(path);
      return entry.isFile() && pattern.test(entry.name) ? [path] : [];
    });
    return existsSync(join(ROOT, folder)) ? walk(folder).sort() : [];
  }

  folders(folder) {
    return readdirSync(join(ROOT, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !SKIPPED.has(entry.name)).map((entry) => entry.name).sort();
  }

  exists(path) {
    return existsSync(join(ROOT, path));
  }

  text(path) {
    if (!this.#texts.has(path)) this.#texts.set(path, readFileSync(join(ROOT, path), "utf8"));
    return this.#texts.get(path);
  }

  lines(path) {
    return this.text(path).replace(/\n$/, "").split("\n");
  }

  /** The workspace's own crates: `{name, folder, dependencies: [names]}`, build and test dependencies included. */
  crates() {
    this.#crates ??= this.#metadata(["--no-deps"]).packages.map((found) => ({
      name: found.name,
      folder: relative(ROOT, dirname(found.manifest_path)).replaceAll("\\", "/"),
      dependencies: [...new Set(found.dependencies.map((dependency) => dependency.name))].sort(),
    }));
    return this.#crates;
  }

  /** Everything the workspace depends on: `{name, version, license}`. */
  dependencies() {
    const filter = PLATFORMS.flatMap((platform) => ["--filter-platform", platform]);
    const { packages, resolve } = this.#metadata(filter);
    const used = new Set(resolve.nodes.map((node) => node.id));
    return packages.filter((found) => found.source !== null && used.has(found.id));
  }

  #metadata(options) {
    const text = execFileSync("cargo", ["metadata", "--format-version", "1", "--locked", ...options], {
      cwd: ROOT, encoding: "utf8", maxBuffer: 256 << 20, stdio: ["ignore", "pipe", "inherit"],
    });
    return JSON.parse(text);
  }
}
