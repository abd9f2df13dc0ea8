/** The host's interfaces as JavaScript sees them: names in camel case, `result` as value or exception. */

/** What a host function throws; `data` is a JSON object. */
interface HangarError { code: string; message: string; status: number; data: string }
type HangarResult<T> = { tag: "ok"; val: T } | { tag: "err"; val: HangarError };
interface HangarFuture<T> { read(): Promise<T>; cancelRead(): unknown; drop(): void }
interface HangarFetchRequest { method: string; url: string; headers: Array<[string, string]>; body: Uint8Array; options: string }
interface HangarFetchResponse { status: number; headers: Array<[string, string]>; body: Uint8Array; url: string }
interface HangarHttpRequest {
  method: string; path: string; query: string; headers: string; body: Uint8Array;
  route: string; params: string[]; identity: string | null; remoteAddress: string;
}
type HangarPayload = { tag: "empty" } | { tag: "text"; val: string } | { tag: "bytes"; val: Uint8Array } | { tag: "body"; val: object };
interface HangarHttpResponse { status: number; headers: Array<[string, string]>; payload: HangarPayload }
type HangarSqlValue =
  | { tag: "null" } | { tag: "boolean"; val: boolean } | { tag: "integer"; val: number }
  | { tag: "float"; val: number } | { tag: "text"; val: string } | { tag: "bytes"; val: Uint8Array };
interface HangarStatement { sql: string; params: HangarSqlValue[] }

declare module "hangar:plugin/context@0.1.0" {
  const context: {
    requestId(): string; identity(): string | null; forgetIdentity(subject: string): void; transactionMarked(mark: string): boolean;
  };
  export default context;
}
declare module "hangar:log/logger@0.1.0" {
  type Line = (level: "debug" | "info" | "warn" | "error", message: string, fields: string) => void;
  const logger: { log: Line; record: Line };
  export default logger;
}
declare module "hangar:config/settings@0.1.0" {
  const settings: { get(): string };
  export default settings;
}
declare module "hangar:kv/store@0.1.0" {
  const store: {
    get(key: string): string | null; set(key: string, value: string, ttlMs: number): void; delete(key: string): boolean;
    keys(prefix: string): string[]; increment(key: string, by: number, ttlMs: number): number;
  };
  export default store;
}
declare module "hangar:http/guard@0.1.0" {
  const guard: { check(labels: string[]): void; clientAddress(): string; privilegedMayCome(): boolean };
  export default guard;
}
declare module "hangar:kv/revisions@0.1.0" {
  const revisions: { current(topic: string): number; bump(topic: string): number };
  export default revisions;
}
declare module "hangar:crypto/random@0.1.0" {
  const random: { bytes(length: number): Uint8Array | number[]; text(length: number, alphabet: string): string };
  export default random;
}
declare module "hangar:crypto/digest@0.1.0" {
  const digest: {
    hash(algorithm: string, data: Uint8Array): string; hmac(algorithm: string, key: Uint8Array, data: Uint8Array): string;
    equal(a: string, b: string): boolean;
  };
  export default digest;
}
declare module "hangar:crypto/password@0.1.0" {
  const password: { hash(password: string, cost: number): string; verify(password: string, hash: string): boolean };
  export default password;
}
declare module "hangar:crypto/jwt@0.1.0" {
  const jwt: { sign(claims: string, secret: string): string; verify(token: string, secret: string): string; unverified(token: string): string };
  export default jwt;
}
declare module "hangar:fetch/client@0.1.0" {
  const client: { send(request: HangarFetchRequest): HangarFetchResponse };
  export default client;
}
declare module "hangar:fetch/concurrent@0.1.0" {
  const concurrent: {
    start(request: HangarFetchRequest): HangarFuture<HangarResult<HangarFetchResponse>>;
    sleep(milliseconds: number): HangarFuture<HangarResult<void>>;
  };
  export default concurrent;
}
declare module "hangar:postgres/query@0.1.0" {
  const query: { query(statements: HangarStatement[]): string[]; batch(sql: string): void };
  export default query;
}
declare module "hangar:postgres/transactions@0.1.0" {
  interface Transaction { [Symbol.dispose](): void }
  const transactions: {
    begin(): Transaction; active(): boolean;
    Transaction: { commit(transaction: Transaction): void; rollback(transaction: Transaction): void };
  };
  export default transactions;
}
declare module "hangar:hooks/next@0.1.0" {
  const next: { call(patches: string): string };
  export default next;
}
declare module "hangar:collections/records@0.1.0" {
  const records: {
    collection(nameOrId: string): string; collections(): string;
    find(collection: string, id: string): string; select(collection: string, query: string): string;
    count(collection: string, query: string): number;
    save(collection: string, record: string, options: string): string; delete(collection: string, id: string): void;
    present(collection: string, records: string, options: string): string;
  };
  export default records;
}
declare module "hangar:auth/tokens@0.1.0" {
  const tokens: { issue(kind: string, collection: string, id: string, options: string): string };
  export default tokens;
}

declare module "hangar:realtime/broker@0.1.0" {
  const broker: { send(messages: string): number };
  export default broker;
}
