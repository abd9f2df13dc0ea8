/** `$app.db()`: SQL with `{:name}` parameters, `{{table}}` and `[[column]]`, over `hangar:postgres`. */
import { guard, query } from "./host";
import { DateTime } from "./datetime";
import { HostError, notAvailable } from "./errors";
import { DynamicModel, fillRows } from "./model";

type Params = Record<string, unknown>;
interface Answer { columns: Array<[string, string]>; rows: unknown[][]; affected: number }

function bound(value: unknown): HangarSqlValue {
  if (value === null || value === undefined) return { tag: "null" };
  if (typeof value === "boolean") return { tag: "boolean", val: value };
  if (typeof value === "number") return Number.isSafeInteger(value) ? { tag: "integer", val: value } : { tag: "float", val: value };
  if (value instanceof Uint8Array) return { tag: "bytes", val: value };
  if (value instanceof DateTime || value instanceof Date) return { tag: "text", val: new DateTime(value).string() };
  return { tag: "text", val: typeof value === "object" ? JSON.stringify(value) : String(value) };
}

function quoted(name: string): string {
  return name.split(".").map((part) => part === "*" ? part : `"${part.replace(/"/g, '""')}"`).join(".");
}

/** Parameters by name become `$1`, `$2` …; texts in quotes stay as they are. */
export function compileSql(sql: string, params: Params): HangarStatement {
  const names: string[] = [];
  const text = sql.replace(/'(?:[^']|'')*'|\{:(\w+)\}|\{\{([^}]+)\}\}|\[\[([^\]]+)\]\]/g, (whole, name?: string, table?: string, column?: string) => {
    if (name !== undefined) {
      if (!Object.hasOwn(params, name)) throw new Error(`the query's parameter {:${name}} has no value`);
      if (!names.includes(name)) names.push(name);
      return `$${names.indexOf(name) + 1}`;
    }
    const identifier = table ?? column;
    return identifier === undefined ? whole : quoted(identifier.trim());
  });
  return { sql: text, params: names.map((name) => bound(params[name])) };
}

class Query {
  #sql: string;
  #params: Params = {};
  constructor(sql: string) {
    this.#sql = sql;
  }
  bind(params: Params): this {
    Object.assign(this.#params, params);
    return this;
  }
  #run(): Answer {
    const [answer] = guard(query.query, [compileSql(this.#sql, this.#params)]);
    return JSON.parse(answer as string) as Answer;
  }
  #objects(): Params[] {
    const { columns, rows } = this.#run();
    return rows.map((row) => Object.fromEntries(columns.map(([name], at) => [name, row[at]])));
  }
  /** Fills `target`; answers the rows too. */
  all(target?: unknown): Params[] {
    const rows = this.#objects();
    if (target !== undefined) fillRows(target, rows);
    return rows;
  }
  /** Throws if there is no row. */
  one(target?: Params): Params {
    const row = this.#objects()[0];
    if (!row) throw noRows();
    if (target instanceof DynamicModel) target.fill(row);
    else if (target) Object.assign(target, row);
    return row;
  }
  /** The first column. */
  column(target?: unknown[]): unknown[] {
    const values = this.#run().rows.map((row) => row[0]);
    target?.splice(0, target.length, ...values);
    return values;
  }
  row(): unknown[] {
    const row = this.#run().rows[0];
    if (!row) throw noRows();
    return row;
  }
  execute(): { rowsAffected(): number } {
    const { affected } = this.#run();
    return { rowsAffected: () => affected };
  }
}

/** What PocketBase's scripts know as "not found"; uncaught it becomes a 404. */
export function noRows(): HostError {
  return new HostError("not_found", "sql: no rows in result set", 404, {});
}

export const db = {
  newQuery: (sql: string) => new Query(String(sql)),
  quote: (text: string) => `'${String(text).replace(/'/g, "''")}'`,
  quoteTableName: quoted,
  quoteColumnName: quoted,
  select: () => notAvailable("$app.db().select()"),
  insert: () => notAvailable("$app.db().insert()"),
  update: () => notAvailable("$app.db().update()"),
  upsert: () => notAvailable("$app.db().upsert()"),
  delete: () => notAvailable("$app.db().delete()"),
};
