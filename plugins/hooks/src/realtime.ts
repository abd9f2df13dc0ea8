/** A client of realtime, as the events of its requests have it. */
import { authRecord } from "./identity";
import { broker, guard } from "./host";
import { toText } from "./casting";

export interface ClientJson { id: string; topics: string[]; identity?: unknown }

/** What a client is sent. */
export class SubscriptionMessage {
  name = "";
  data: unknown = "";
  constructor(fields: { name?: string; data?: unknown } = {}) {
    Object.assign(this, fields);
  }
}

export class RealtimeClient {
  readonly #json: ClientJson;
  readonly #store = new Map<string, unknown>();
  constructor(json: ClientJson) {
    this.#json = json;
  }
  id(): string {
    return this.#json.id;
  }
  /** By their names; with prefixes, those that begin with one. */
  subscriptions(...prefixes: string[]): Record<string, { query: object; headers: object }> {
    const wanted = this.#json.topics.filter((topic) => prefixes.length === 0 || prefixes.some((prefix) => topic.startsWith(prefix)));
    return Object.fromEntries(wanted.map((topic) => [topic, options(topic)]));
  }
  hasSubscription(topic: string): boolean {
    return this.#json.topics.includes(topic);
  }
  /** `auth` is the record the client has subscribed with; everything else what `set` has put here, for this event. */
  get(name: string): unknown {
    if (!this.#store.has(name) && name === "auth") return authRecord(this.#json.identity ?? null);
    return this.#store.get(name) ?? null;
  }
  set(name: string, value: unknown): void {
    this.#store.set(name, value);
  }
  unset(name: string): void {
    this.#store.set(name, null);
  }
  isDiscarded(): boolean {
    return false;
  }
  send(message: { name?: unknown; data?: unknown }): void {
    const { name, data } = message;
    guard(broker.send, JSON.stringify([{ clients: [this.id()], event: toText(name), data: toText(data) }]));
  }
}

/** What a subscription brings with it, after `?options=`. */
function options(topic: string): { query: object; headers: object } {
  let given: { query?: object; headers?: object } = {};
  try {
    given = JSON.parse(decodeURIComponent(/\?options=([^&]*)/.exec(topic)?.[1] ?? "{}"));
  } catch {
    // As on the server: what cannot be read is none.
  }
  return { query: given.query ?? {}, headers: given.headers ?? {} };
}
