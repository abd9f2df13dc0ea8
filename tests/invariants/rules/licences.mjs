// cargo-deny's licence check in small, for machines without cargo-deny: every dependency's expression must be satisfied
// by the list `allow` of deny.toml, and every entry of that list must be needed.
import { LICENCES } from "../allow.mjs";

function allowed(repository) {
  const list = /^\[licenses\]$[\s\S]*?^allow = \[([\s\S]*?)\]/m.exec(repository.text("deny.toml"))?.[1] ?? "";
  return new Set([...list.matchAll(/"([^"]+)"/g)].map(([, name]) => name));
}

/** Whether an SPDX expression holds, given a test for one licence. The old `/` counts as OR. */
export function satisfied(expression, test) {
  const tokens = expression.replaceAll("/", " OR ").match(/\(|\)|[^\s()]+/g) ?? [];
  let at = 0;
  const single = () => {
    if (tokens[at] === "(") {
      at += 1;
      const value = any();
      at += 1;
      return value;
    }
    let name = tokens[at++];
    if (tokens[at] === "WITH") {
      name += ` WITH ${tokens[at + 1]}`;
      at += 2;
    }
    return test(name);
  };
  const all = () => {
    let value = single();
    while (tokens[at] === "AND") {
      at += 1;
      value = single() && value;
    }
    return value;
  };
  const any = () => {
    let value = all();
    while (tokens[at] === "OR") {
      at += 1;
      value = all() || value;
    }
    return value;
  };
  return any();
}

export function licences(repository) {
  const allow = allowed(repository);
  const dependencies = repository.dependencies().map(({ name, version, license }) => ({ name, version, license: LICENCES[name] ?? license ?? "" }));
  const refused = dependencies.filter(({ license }) => !satisfied(license, (one) => allow.has(one)));
  const needed = (one) => dependencies.some(({ license }) => !satisfied(license, (other) => other !== one && allow.has(other)));
  return [
    ...refused.map(({ name, version, license }) => `${name} ${version} is under "${license}", which deny.toml does not allow`),
    ...[...allow].filter((one) => !needed(one)).map((one) => `deny.toml allows ${one}, which no dependency needs`),
  ];
}
