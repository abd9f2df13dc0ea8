// What the documents say must be what the code does, as far as that can be compared.
const ARCHITECTURE = "docs/architecture.md";
const LIMITS = "host/hangar-core/src/limits.rs";

/** Every limit with its default, as numbers. */
function limitsOfCode(repository) {
  const defaults = repository.text(LIMITS).split("impl Default for Limits")[1] ?? "";
  return new Map([...defaults.matchAll(/^\s+(\w+): ([\d_]+)(?: << (\d+))?,$/gm)].map(([, name, number, shift]) =>
    [name.replaceAll("_", "-"), Number(number.replaceAll("_", "")) * 2 ** Number(shift ?? 0)]));
}

export function limitsTable(repository) {
  const code = limitsOfCode(repository);
  const fields = [...repository.text(LIMITS).split("impl Default")[0].matchAll(/^    pub (\w+):/gm)].map(([, name]) => name.replaceAll("_", "-"));
  const table = new Map([...repository.text(ARCHITECTURE).matchAll(/^\| `limits\.([\w-]+)` \| ([\d,]+) /gm)]
    .map(([, name, number]) => [name, Number(number.replaceAll(",", ""))]));
  const unread = fields.filter((name) => !code.has(name)).map((name) => `${LIMITS}: the default of ${name} cannot be read by this rule`);
  const wrong = fields.filter((name) => code.has(name) && table.get(name) !== code.get(name))
    .map((name) => `${ARCHITECTURE}: limits.${name} is ${code.get(name)} in the code and ${table.get(name) ?? "absent"} in the table`);
  const gone = [...table.keys()].filter((name) => !fields.includes(name)).map((name) => `${ARCHITECTURE}: there is no limits.${name}`);
  return [...unread, ...wrong, ...gone];
}

export function mapIsComplete(repository) {
  const text = repository.text(ARCHITECTURE);
  const wanted = [
    ...repository.crates().map(({ folder }) => folder),
    ...repository.folders("plugins").map((name) => `plugins/${name}`),
    ...repository.folders("tests").map((name) => `tests/${name}`),
    ...repository.folders("wit").map((name) => `hangar:${name}`),
  ];
  return [...new Set(wanted)].filter((name) => !text.includes(`\`${name}\``)).map((name) => `${ARCHITECTURE} does not mention \`${name}\``);
}

export function variablesExist(repository) {
  const cli = repository.text("host/hangar/src/cli.rs");
  const code = repository.files("host/hangar/src", /\.rs$/).map((path) => repository.text(path)).join("\n");
  const readme = repository.text("README.md");
  const known = new Set([...cli.matchAll(/\.env\("(HANGAR_\w+)"\)/g)].map(([, name]) => name));
  for (const [, name] of code.matchAll(/try_from_env\("(HANGAR_\w+)"\)/g)) known.add(name);
  const flags = [...cli.matchAll(/option\("([\w-]+)"/g)].map(([, name]) => `--${name}`);
  const told = new Set(readme.match(/HANGAR_[A-Z_]+/g));
  return [
    ...[...known].filter((name) => !told.has(name)).map((name) => `README.md does not tell of ${name}`),
    ...[...told].filter((name) => !known.has(name)).map((name) => `README.md tells of ${name}, which no code reads`),
    ...flags.filter((flag) => !readme.includes(`\`${flag}\``)).map((flag) => `README.md does not tell of ${flag}`),
  ];
}

export function linksLead(repository) {
  const documents = ["README.md", ...repository.files("docs", /\.md$/), ...repository.files("examples", /\.md$/)];
  return documents.flatMap((path) => {
    const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/") + 1) : "";
    return [...repository.text(path).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
      .filter(([, target]) => !/^[a-z]+:/.test(target) && !repository.exists(folder + target))
      .map(([, target]) => `${path}: the link to ${target} leads nowhere`);
  });
}

/** The code a reader copies from the README is code that a test runs. */
export function readmeCode(repository) {
  const readme = repository.text("README.md");
  const block = (language) => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\``).exec(readme)?.[1] ?? "";
  const violations = [];
  if (block("js") !== repository.text("examples/quickstart/demo.mjs").trimEnd()) {
    violations.push("README.md: the demo differs from examples/quickstart/demo.mjs");
  }
  const words = (text) => text.replace(/\s+/g, " ");
  const example = words(repository.text("examples/hello-plugin/src/lib.rs"));
  for (const line of block("rust").split("\n").map((line) => line.trim())) {
    const own = line === "" || line.startsWith("use ") || line.startsWith("//") || line.startsWith("Ok(Response");
    if (!own && !example.includes(words(line))) violations.push(`README.md: examples/hello-plugin does not have the line ${line}`);
  }
  if (repository.lines("README.md").length > 150) violations.push("README.md is longer than 150 lines");
  return violations;
}
