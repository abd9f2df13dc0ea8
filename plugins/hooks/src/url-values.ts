/** Query strings and headers as scripts see them: objects of arrays, with the methods of Go's types. */

export class Values {
  [name: string]: any;
  get(name: string): string {
    return own(this, name)?.[0] ?? "";
  }
  has(name: string): boolean {
    return own(this, name) !== undefined;
  }
  set(name: string, value: string): void {
    this[name] = [String(value)];
  }
  add(name: string, value: string): void {
    (own(this, name) ?? (this[name] = [])).push(String(value));
  }
  del(name: string): void {
    delete this[name];
  }
  encode(): string {
    return Object.keys(this).sort()
      .flatMap((name) => (this[name] as string[]).map((value) => `${escapeQuery(name)}=${escapeQuery(value)}`)).join("&");
  }
}

function own(values: Values, name: string): string[] | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text).replace(/%20/g, "+");
}

export function unescapeQuery(text: string): string {
  const spaced = text.replace(/\+/g, " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** Name and value of every part of `a=1&b=2`, in its order. */
export function parsePairs(query: string): Array<[string, string]> {
  const pairs: Array<[string, string]> = [];
  for (const part of query.split("&")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    pairs.push(at < 0 ? [unescapeQuery(part), ""] : [unescapeQuery(part.slice(0, at)), unescapeQuery(part.slice(at + 1))]);
  }
  return pairs;
}

export function parseQuery(query: string): Values {
  const values = new Values();
  for (const [name, value] of parsePairs(query)) values.add(name, value);
  return values;
}

/** Headers of a request or response; names in any case. */
export class HeaderMap {
  #values = new Map<string, { name: string; values: string[] }>();

  /** From the host's lines, `name: value\n`. */
  static parse(lines: string): HeaderMap {
    const headers = new HeaderMap();
    for (const line of lines.split("\n")) {
      const at = line.indexOf(":");
      if (at > 0) headers.add(line.slice(0, at), line.slice(at + 1).trim());
    }
    return headers;
  }
  get(name: string): string {
    return this.#values.get(String(name).toLowerCase())?.values[0] ?? "";
  }
  values(name: string): string[] {
    return this.#values.get(String(name).toLowerCase())?.values ?? [];
  }
  has(name: string): boolean {
    return this.#values.has(String(name).toLowerCase());
  }
  set(name: string, value: unknown): void {
    this.#values.set(String(name).toLowerCase(), { name: String(name), values: [oneLine(value)] });
  }
  add(name: string, value: unknown): void {
    const known = this.#values.get(String(name).toLowerCase());
    if (known) known.values.push(oneLine(value));
    else this.set(name, value);
  }
  del(name: string): void {
    this.#values.delete(String(name).toLowerCase());
  }
  get size(): number {
    return this.#values.size;
  }
  /** Every value with its name as it was written. */
  pairs(): Array<[string, string]> {
    return [...this.#values.values()].flatMap(({ name, values }) => values.map((value): [string, string] => [name, value]));
  }
  /** `{content_type: "…"}`, as in `requestInfo().headers`. */
  snake(): Record<string, string> {
    return Object.fromEntries([...this.#values].map(([name, { values }]) => [name.replace(/-/g, "_"), values[0] ?? ""]));
  }
  toJSON(): Record<string, string[]> {
    return Object.fromEntries([...this.#values.values()].map(({ name, values }) => [name, values]));
  }
}

/** A line feed in a header would start another one. */
function oneLine(value: unknown): string {
  return String(value).replace(/[\r\n\0]+/g, " ");
}
