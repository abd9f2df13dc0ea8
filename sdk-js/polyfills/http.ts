/** `Headers`, `Request` and `Response`. Bodies are whole: the host hands them over in one piece. */
import type { AbortSignal } from "./abort";
import { bytesOf, utf8Decode, utf8Encode } from "./encoding";
import { Blob, FormData, encodeMultipart } from "./form-data";
import { parseJson } from "./json";

export type Pairs = Array<[string, string]>;
export type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams | FormData | Blob | null | undefined;
type HeadersInit = Headers | Iterable<readonly [string, string]> | Record<string, string> | undefined;

export class Headers {
  #values = new Map<string, string[]>();

  constructor(init?: HeadersInit) {
    if (!init) return;
    const pairs = Symbol.iterator in init ? (init as Iterable<readonly [string, string]>) : Object.entries(init);
    for (const [name, value] of pairs) this.append(name, value);
  }

  append(name: string, value: string): void {
    const key = headerName(name);
    const values = this.#values.get(key);
    if (values) values.push(headerValue(value));
    else this.#values.set(key, [headerValue(value)]);
  }
  set(name: string, value: string): void {
    this.#values.set(headerName(name), [headerValue(value)]);
  }
  get(name: string): string | null {
    return this.#values.get(headerName(name))?.join(", ") ?? null;
  }
  getSetCookie(): string[] {
    return [...(this.#values.get("set-cookie") ?? [])];
  }
  has(name: string): boolean {
    return this.#values.has(headerName(name));
  }
  delete(name: string): void {
    this.#values.delete(headerName(name));
  }
  forEach(callback: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this) callback(value, name, this);
  }
  *entries(): IterableIterator<[string, string]> {
    for (const name of [...this.#values.keys()].sort()) {
      const values = this.#values.get(name)!;
      if (name === "set-cookie") for (const value of values) yield [name, value];
      else yield [name, values.join(", ")];
    }
  }
  *keys(): IterableIterator<string> {
    for (const [name] of this) yield name;
  }
  *values(): IterableIterator<string> {
    for (const [, value] of this) yield value;
  }
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
}

function headerName(name: string): string {
  const text = String(name);
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)) throw new TypeError(`${JSON.stringify(text)} is not a header name`);
  return text.toLowerCase();
}

function headerValue(value: string): string {
  const text = String(value).trim();
  if (/[\0\r\n]/.test(text)) throw new TypeError("a header value must be one line");
  return text;
}

/** The bytes of a body, and the content type it brings along. */
export function encodeBody(body: BodyInit): { bytes: Uint8Array; type: string } {
  if (body === null || body === undefined) return { bytes: new Uint8Array(0), type: "" };
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return { bytes: bytesOf(body), type: "" };
  if (body instanceof Blob) return { bytes: body.content, type: body.type };
  if (body instanceof FormData) return encodeMultipart(body);
  if (body instanceof URLSearchParams) {
    return { bytes: utf8Encode(body.toString()), type: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  return { bytes: utf8Encode(String(body)), type: "text/plain;charset=UTF-8" };
}

/** What `Request` and `Response` share: a body that is read once. */
abstract class Message {
  abstract readonly headers: Headers;
  #bytes: Uint8Array;
  #used = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  get bodyUsed(): boolean {
    return this.#used;
  }
  #take(): Uint8Array {
    if (this.#used) throw new TypeError("the body has been read already");
    this.#used = true;
    return this.#bytes;
  }
  /** The body without marking it as read. */
  protected peek(): Uint8Array {
    if (this.#used) throw new TypeError("the body has been read already");
    return this.#bytes;
  }
  async text(): Promise<string> {
    const text = utf8Decode(this.#take());
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }
  async json(): Promise<unknown> {
    return parseJson(await this.text());
  }
  async bytes(): Promise<Uint8Array> {
    return this.#take().slice();
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#take().slice().buffer as ArrayBuffer;
  }
  async blob(): Promise<Blob> {
    return new Blob([this.#take()], { type: this.headers.get("content-type") ?? "" });
  }
}

export interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit;
  redirect?: "follow" | "manual" | "error";
  signal?: AbortSignal | null;
}

export class Request extends Message {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly redirect: "follow" | "manual" | "error";
  readonly signal: AbortSignal | null;

  constructor(input: string | URL | Request, init: RequestInit = {}) {
    const base = input instanceof Request ? input : undefined;
    const body = "body" in init ? encodeBody(init.body) : { bytes: base?.peek() ?? new Uint8Array(0), type: "" };
    super(body.bytes);
    this.url = base ? base.url : new URL(String(input)).href;
    const method = String(init.method ?? base?.method ?? "GET");
    this.method = /^(get|head|post|put|delete|options)$/i.test(method) ? method.toUpperCase() : method;
    this.headers = new Headers(init.headers ?? base?.headers);
    if (body.type && !this.headers.has("content-type")) this.headers.set("content-type", body.type);
    if (body.bytes.length > 0 && (this.method === "GET" || this.method === "HEAD")) {
      throw new TypeError(`a ${this.method} request has no body`);
    }
    this.redirect = init.redirect ?? base?.redirect ?? "follow";
    this.signal = init.signal ?? base?.signal ?? null;
  }
  /** What is sent. */
  get content(): Uint8Array {
    return this.peek();
  }
  clone(): Request {
    return new Request(this, { body: this.peek() });
  }
}

export interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit;
}

export class Response extends Message {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  url = "";
  redirected = false;
  readonly type = "default";

  constructor(body?: BodyInit, init: ResponseInit = {}) {
    const { bytes, type } = encodeBody(body);
    super(bytes);
    this.status = init.status ?? 200;
    if (!Number.isInteger(this.status) || this.status < 200 || this.status > 599) {
      throw new RangeError(`${init.status} is no status of a response`);
    }
    this.statusText = init.statusText ?? "";
    this.headers = new Headers(init.headers);
    if (type && !this.headers.has("content-type")) this.headers.set("content-type", type);
  }
  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }
  clone(): Response {
    const copy = new Response(this.peek(), { status: this.status, statusText: this.statusText, headers: this.headers });
    copy.url = this.url;
    copy.redirected = this.redirected;
    return copy;
  }
  static json(data: unknown, init: ResponseInit = {}): Response {
    const headers = new Headers(init.headers);
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    return new Response(JSON.stringify(data), { ...init, headers });
  }
}
