// Rules about single source files.
import { LONG_FILES, UNSAFE } from "../allow.mjs";

const LONGEST = 500;
const SOURCE = /\.(rs|ts|mjs|js|wit|py|lua|sql)$/;

export function fileLength(repository) {
  const violations = [];
  const unused = new Set(Object.keys(LONG_FILES));
  for (const path of repository.files("", SOURCE)) {
    const { length } = repository.lines(path);
    if (length <= LONGEST) continue;
    if (!unused.delete(path)) violations.push(`${path} has ${length} lines: split it by concept, or give a reason in allow.mjs`);
  }
  return [...violations, ...[...unused].map((path) => `allow.mjs: ${path} no longer needs its exception for length`)];
}

export function crateDocs(repository) {
  return repository.crates().flatMap(({ name, folder }) => {
    const root = ["src/lib.rs", "src/main.rs"].map((file) => `${folder}/${file}`).find((path) => repository.exists(path));
    if (!root) return [`${name} has neither src/lib.rs nor src/main.rs`];
    const first = repository.lines(root).find((line) => line.trim() !== "");
    return first?.startsWith("//! ") ? [] : [`${root} does not begin with a comment //! that says what the crate is`];
  });
}

export function unsafeCode(repository) {
  const unused = new Set(Object.keys(UNSAFE));
  const violations = ["host", "plugins", "sdk-rust", "examples"].flatMap((folder) => repository.files(folder, /\.rs$/)).flatMap((path) =>
    repository.lines(path).flatMap((line, at) => {
      if (!/\bunsafe\b/.test(line.replace(/\/\/.*/, ""))) return [];
      if (UNSAFE[path]) {
        unused.delete(path);
        return [];
      }
      return [`${path}:${at + 1}: unsafe code; find a safe way, or give a reason in allow.mjs`];
    }));
  return [...violations, ...[...unused].map((path) => `allow.mjs: ${path} no longer needs its exception for unsafe code`)];
}

/** Guests get no folders, environment, arguments or sockets: those would pass by the capabilities and their grants. */
export function sandbox(repository) {
  const home = "host/hangar-plugins/src/state.rs";
  return repository.files("host", /\.rs$/).flatMap((path) => repository.lines(path).flatMap((line, at) => {
    if (/\.(preopened_dir|inherit_\w+|envs?|args?|allow_tcp|allow_udp|socket_addr_check|allow_ip_name_lookup)\(/.test(line) && /wasi/i.test(repository.text(path))) {
      return [`${path}:${at + 1}: gives guests more of the machine than capabilities grant`];
    }
    if (line.includes("WasiCtx::builder()") && path !== home) return [`${path}:${at + 1}: stores are made in ${home} only`];
    return [];
  }));
}
