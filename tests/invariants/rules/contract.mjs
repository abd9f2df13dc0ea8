// Rules of the WIT contract; see "The contract" in docs/architecture.md.
const VERSION = "0.1.0";
const BINDINGS = "sdk-rust/src/bindings.rs";
const EXPORTS = "host/hangar-plugins/src/exports.rs";

/** The text of a WIT file without comments. */
const bare = (text) => text.replace(/\/\/.*$/gm, "");

function packages(repository) {
  return repository.folders("wit").filter((name) => name !== "released").map((name) => ({ name, path: `wit/${name}/${name}.wit` }));
}

/** `wit_bindgen::generate!` of the SDK parses what it names: a package that is not named is checked by nobody. */
export function packagesAreBuilt(repository) {
  const imports = repository.text(BINDINGS).split("generate_all")[0];
  return packages(repository).flatMap(({ name, path }) => {
    if (!repository.exists(path)) return [`wit/${name} does not hold ${name}.wit`];
    const violations = [];
    const declared = /^package ([^;]+);/m.exec(repository.text(path))?.[1];
    const expected = `hangar:${name}@${VERSION}`;
    if (declared !== expected) violations.push(`${path} declares package ${declared}; expected ${expected}`);
    if (!imports.includes(`"../wit/${name}"`)) violations.push(`${BINDINGS} does not name ../wit/${name} among the imports`);
    return violations;
  });
}

export function contractShapes(repository) {
  const violations = [];
  const shape = (path, kind, name, expected) => {
    const body = new RegExp(`${kind} ${name} \\{([^}]*)\\}`).exec(bare(repository.text(path)))?.[1] ?? "";
    const found = body.replace(/\s+/g, " ").trim().replace(/,$/, "");
    if (found !== expected) violations.push(`${path}: ${kind} ${name} is frozen as {${expected}} and is {${found}}; add a new function instead`);
  };
  shape("wit/types/types.wit", "record", "error", "code: string, message: string, status: u16, data: string");
  shape("wit/postgres/postgres.wit", "variant", "value", "null, boolean(bool), integer(s64), float(f64), text(string), bytes(list<u8>)");
  for (const { path } of packages(repository)) {
    bare(repository.text(path)).split("\n").forEach((line, at) => {
      if (/\b[su]64\b/.test(line) && line.trim() !== "integer(s64),") {
        violations.push(`${path}:${at + 1}: JavaScript holds no 64-bit integers; use u32, f64 or text`);
      }
      if (/result<[^;]*,\s*(string|u\d+|s\d+)>/.test(line)) violations.push(`${path}:${at + 1}: errors are hangar:types/errors.error`);
      if (/list<(?!u8>|string>|tuple<string, string>>|statement>|segment>|value>|list)/.test(line)) {
        violations.push(`${path}:${at + 1}: lists of records cross slowly; send one JSON text`);
      }
    });
  }
  return violations;
}

export function probesExist(repository) {
  const probes = [...repository.text(EXPORTS).matchAll(/"hangar:([\w-]+)\/([\w-]+)@([\d.]+)" "([\w-]+)"/g)];
  if (probes.length === 0) return [`${EXPORTS}: no probes found; this rule needs an update`];
  return probes.flatMap(([, name, face, version, call]) => {
    const path = `wit/${name}/${name}.wit`;
    const text = repository.exists(path) ? bare(repository.text(path)) : "";
    const body = new RegExp(`interface ${face} \\{([\\s\\S]*?)\\n\\}`).exec(text)?.[1] ?? "";
    if (version !== VERSION) return [`${EXPORTS} probes for hangar:${name}@${version}; the contract is ${VERSION}`];
    return new RegExp(`^\\s*${call}: (async )?func`, "m").test(body) ? [] : [`${EXPORTS} probes for hangar:${name}/${face}#${call}, which ${path} does not have`];
  });
}
