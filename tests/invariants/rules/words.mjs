// No crate under host/ knows PocketBase: where one of its words is needed, the boundary is wrong.
import { WORDS } from "../allow.mjs";

const WORD = /superuser|(view|list|create|update|delete|manage|auth)_?rule|pocketbase|collection|\bpb_/i;
/** Rust's own collections. */
const RUST = /std::collections::/g;

export function hostWords(repository) {
  const unused = new Set(Object.keys(WORDS));
  const violations = repository.files("host", /\.rs$/).flatMap((path) => {
    const allowed = WORDS[path];
    return repository.lines(path).flatMap((line, at) => {
      const word = WORD.exec(line.replace(RUST, ""))?.[0];
      if (!word) return [];
      if (allowed?.[0].test(line)) {
        unused.delete(path);
        return [];
      }
      return [`${path}:${at + 1}: "${word}" is a word of PocketBase; move what needs it into a plugin, or give a reason in allow.mjs`];
    });
  });
  return [...violations, ...[...unused].map((path) => `allow.mjs: ${path} no longer needs its exception for PocketBase's words`)];
}
