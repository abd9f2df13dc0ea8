/** `$dbx`: conditions, written in the filter language, where they can be. Raw SQL expressions are not available yet. */
import { notAvailable } from "./errors";

export interface Condition { filter: string; params: Record<string, unknown> }

let counter = 0;

function named(params: Record<string, unknown>, value: unknown): string {
  const name = `x${counter++ % 1_000_000}`;
  params[name] = value;
  return `{:${name}}`;
}

function column(name: string): string {
  const clean = name.replace(/^\[\[|\]\]$/g, "");
  if (!/^[@\w.:]+$/.test(clean)) throw new TypeError(`${JSON.stringify(name)} is no field name`);
  return clean;
}

function compare(operator: string, name: string, values: unknown[], joiner: string): Condition {
  const params: Record<string, unknown> = {};
  const parts = values.map((value) => `${column(name)} ${operator} ${named(params, value)}`);
  return { filter: parts.length > 0 ? `(${parts.join(joiner)})` : "", params };
}

/** Conditions joined; empty ones do not count. */
export function join(conditions: Condition[], joiner: string): Condition {
  const parts = conditions.filter((condition) => condition?.filter);
  return {
    filter: parts.length === 0 ? "" : `(${parts.map(({ filter }) => filter).join(joiner)})`,
    params: Object.assign({}, ...parts.map(({ params }) => params)),
  };
}

/** Nothing is in an empty list; the filter language has no constant for it. */
const NEVER: Condition = { filter: "(id = '' && id != '')", params: {} };

export const dbx = {
  hashExp(values: Record<string, unknown>): Condition {
    return join(Object.keys(values).map((name) => Array.isArray(values[name])
      ? dbx.in(name, ...(values[name] as unknown[]))
      : compare("=", name, [values[name]], " && ")), " && ");
  },
  and: (...conditions: Condition[]) => join(conditions, " && "),
  or: (...conditions: Condition[]) => join(conditions, " || "),
  in: (name: string, ...values: unknown[]) => values.length > 0 ? compare("=", name, values, " || ") : NEVER,
  notIn: (name: string, ...values: unknown[]) => compare("!=", name, values, " && "),
  like: (name: string, ...values: unknown[]) => compare("~", name, values, " && "),
  orLike: (name: string, ...values: unknown[]) => compare("~", name, values, " || "),
  notLike: (name: string, ...values: unknown[]) => compare("!~", name, values, " && "),
  orNotLike: (name: string, ...values: unknown[]) => compare("!~", name, values, " || "),
  between: (name: string, from: unknown, to: unknown) => join([compare(">=", name, [from], ""), compare("<=", name, [to], "")], " && "),
  notBetween: (name: string, from: unknown, to: unknown) => join([compare("<", name, [from], ""), compare(">", name, [to], "")], " || "),
  exp: () => notAvailable("$dbx.exp()"),
  not: () => notAvailable("$dbx.not()"),
  exists: () => notAvailable("$dbx.exists()"),
  notExists: () => notAvailable("$dbx.notExists()"),
};
