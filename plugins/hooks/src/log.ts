/** `console` and `$app.logger()` over `hangar:log`. */
import { logger } from "./host";
import { describe, placeOf, traceOf } from "./places";

type Level = "debug" | "info" | "warn" | "error";

function shown(value: unknown, seen: Set<unknown>): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "function") return `[function ${value.name || "anonymous"}]`;
  if (value instanceof Error) return describe(value);
  if (value && typeof value === "object") {
    if (seen.has(value)) return "[circular]";
    seen.add(value);
  }
  return value;
}

/** JSON of anything, cycles and functions included. */
export function inspect(value: unknown): string {
  const seen = new Set<unknown>();
  try {
    return JSON.stringify(value, (_, inner) => shown(inner, seen)) ?? String(value);
  } catch (error) {
    return `[${describe(error)}]`;
  }
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) {
    const trace = traceOf(value);
    return trace ? `${describe(value)}\n${trace}` : describe(value);
  }
  return value !== null && typeof value === "object" ? inspect(value) : String(value);
}

function format(values: unknown[]): string {
  return values.map(text).join(" ");
}

export function log(level: Level, message: string, fields?: Record<string, unknown>): void {
  logger.log(level, message, fields && Object.keys(fields).length > 0 ? inspect(fields) : "");
}

/** The same for the log store too. */
export function record(level: Level, message: string, fields: Record<string, unknown>): void {
  logger.record(level, message, inspect(fields));
}

/** Logs what a handler threw and no client is told. `where` names the handler: `GET /hello`, `onRecordCreate`. */
export function logFailure(where: string, thrown: unknown): void {
  const place = placeOf(thrown);
  log("error", `${where}: ${describe(thrown)}${place ? ` (${place})` : ""}`, { handler: where, place, trace: traceOf(thrown) });
}

const timers = new Map<string, number>();

export const console = {
  log: (...values: unknown[]) => log("info", format(values)),
  info: (...values: unknown[]) => log("info", format(values)),
  debug: (...values: unknown[]) => log("debug", format(values)),
  trace: (...values: unknown[]) => log("debug", format(values)),
  dir: (value: unknown) => log("info", inspect(value)),
  table: (value: unknown) => log("info", inspect(value)),
  warn: (...values: unknown[]) => log("warn", format(values)),
  error: (...values: unknown[]) => log("error", format(values)),
  assert: (condition: unknown, ...values: unknown[]) => {
    if (!condition) log("error", `Assertion failed${values.length > 0 ? `: ${format(values)}` : ""}`);
  },
  time: (label = "default") => void timers.set(label, Date.now()),
  timeEnd: (label = "default") => {
    const started = timers.get(label);
    timers.delete(label);
    if (started !== undefined) log("info", `${label}: ${Date.now() - started} ms`);
  },
  group: (...values: unknown[]) => log("info", format(values)),
  groupEnd: () => {},
};

/** `$app.logger()`: message, then keys and values in turn. A group is an object of its own in the fields. */
export class Logger {
  #fields: Record<string, unknown>;
  #group: string[];
  constructor(fields: Record<string, unknown> = {}, group: string[] = []) {
    this.#fields = fields;
    this.#group = group;
  }
  #merge(pairs: unknown[]): Record<string, unknown> {
    const fields = { ...this.#fields };
    if (pairs.length === 0) return fields;
    let level = fields;
    for (const name of this.#group) level = level[name] = { ...(level[name] as Record<string, unknown> | undefined) };
    for (let i = 0; i < pairs.length; i += 2) level[String(pairs[i])] = pairs[i + 1] ?? null;
    return fields;
  }
  debug = (message: string, ...pairs: unknown[]) => record("debug", String(message), this.#merge(pairs));
  info = (message: string, ...pairs: unknown[]) => record("info", String(message), this.#merge(pairs));
  warn = (message: string, ...pairs: unknown[]) => record("warn", String(message), this.#merge(pairs));
  error = (message: string, ...pairs: unknown[]) => record("error", String(message), this.#merge(pairs));
  with(...pairs: unknown[]): Logger {
    return new Logger(this.#merge(pairs), this.#group);
  }
  withGroup(name: string): Logger {
    return new Logger(this.#fields, [...this.#group, name]);
  }
}
