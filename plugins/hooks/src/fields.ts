/** The `fields` query parameter: which parts of a JSON response the client wants. */

interface Tree { [name: string]: Tree | ((value: unknown) => unknown) }

function excerpt(max: number, ellipsis: boolean): (value: unknown) => unknown {
  return (value) => {
    if (typeof value !== "string") return value;
    const text = value.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim();
    const characters = [...text];
    if (characters.length <= max) return text;
    return characters.slice(0, max).join("").trimEnd() + (ellipsis ? "..." : "");
  };
}

function parse(fields: string): Tree {
  const tree: Tree = {};
  for (const part of fields.split(/,(?![^(]*\))/)) {
    const [path, modifier] = part.trim().split(":", 2) as [string, string?];
    if (!path) continue;
    const match = modifier && /^excerpt\((\d+)(?:\s*,\s*(\w+))?\)$/.exec(modifier);
    if (modifier && !match) throw new Error(`unknown modifier ${JSON.stringify(modifier)} in fields`);
    const names = path.split(".");
    const last = names.pop() as string;
    let at = tree;
    for (const name of names) {
      if (typeof at[name] !== "object") at[name] = {};
      at = at[name] as Tree;
    }
    at[last] = match ? excerpt(Number(match[1]), match[2] === "true") : (at[last] ?? ((value: unknown) => value));
  }
  return tree;
}

function pick(value: any, tree: Tree): any {
  if (Array.isArray(value)) return value.map((item) => pick(item, tree));
  if (value === null || typeof value !== "object") return value;
  const picked: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const branch = Object.hasOwn(tree, name) ? tree[name] : tree["*"];
    if (branch === undefined) continue;
    picked[name] = typeof branch === "function" ? branch(value[name]) : pick(value[name], branch);
  }
  return picked;
}

/** The parts of `data` that `fields` names. For a page of records they are names within its items. */
export function pickFields(data: unknown, fields: string): unknown {
  const plain: any = JSON.parse(JSON.stringify(data));
  const tree = parse(fields);
  const page = plain && typeof plain === "object" && Array.isArray(plain.items) && "page" in plain && "perPage" in plain;
  return page ? { ...plain, items: pick(plain.items, tree) } : pick(plain, tree);
}
