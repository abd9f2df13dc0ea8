/** `e.response`: what a handler writes, kept until the host takes it. */
import { bytesToBase64 } from "../../../sdk-js/polyfills/base64";
import { utf8Encode } from "../../../sdk-js/polyfills/encoding";
import { HeaderMap } from "./url-values";

type Body = string | Uint8Array | undefined;

/** `response` of a patch (PROTOCOL.md, section 3). */
export interface ResponsePatch { status?: number; headers?: Array<[string, string]>; text?: string; base64?: string }

export class ResponseWriter {
  #status = 0;
  #header: HeaderMap | undefined;
  #body: Body;
  #sent = false;

  header(): HeaderMap {
    return (this.#header ??= new HeaderMap());
  }
  writeHeader(status: number): void {
    if (this.#status === 0) this.#status = checkedStatus(status);
  }
  /** Adds to the body. */
  write(data: string | Uint8Array | number[]): number {
    this.writeHeader(200);
    const piece = typeof data === "string" ? data : Uint8Array.from(data);
    this.#body = this.#body === undefined ? piece : joined(this.#body, piece);
    return piece.length;
  }
  get status(): number {
    return this.#status;
  }
  get written(): boolean {
    return this.#status !== 0;
  }
  /** A whole response. The content type stays what a handler has set. */
  send(status: number, type: string, body: Body): void {
    if (type && !this.#header?.has("content-type")) this.header().set("Content-Type", type);
    const first = this.#status === 0;
    this.writeHeader(status);
    if (body !== undefined) this.#body = first || this.#body === undefined ? body : joined(this.#body, body);
  }
  /** Somebody else has written: only the status is known. */
  elsewhere(status: number): void {
    this.#status ||= status;
    this.#sent = true;
  }

  toHttp(): HangarHttpResponse {
    const body = this.#body;
    return {
      status: this.#status || 200,
      headers: this.#header?.pairs() ?? [],
      payload: body === undefined ? { tag: "empty" } : typeof body === "string" ? { tag: "text", val: body } : { tag: "bytes", val: body },
    };
  }

  /** For the plugin that raised the event; undefined if there is nothing to say, or it has been said. */
  takePatch(): ResponsePatch | undefined {
    if (this.#sent || (this.#status === 0 && !this.#header?.size)) return undefined;
    const patch: ResponsePatch = {};
    if (this.#header?.size) patch.headers = this.#header.pairs();
    if (this.#status !== 0) {
      this.#sent = true;
      patch.status = this.#status;
      if (typeof this.#body === "string") patch.text = this.#body;
      else if (this.#body) patch.base64 = bytesToBase64(this.#body);
    } else this.#header = undefined; // said once
    return patch;
  }
}

function checkedStatus(status: number): number {
  const value = Number(status);
  if (!Number.isInteger(value) || value < 100 || value > 999) throw new TypeError(`${status} is no HTTP status`);
  return value;
}

function joined(a: string | Uint8Array, b: string | Uint8Array): string | Uint8Array {
  if (typeof a === "string" && typeof b === "string") return a + b;
  const first = typeof a === "string" ? utf8Encode(a) : a;
  const second = typeof b === "string" ? utf8Encode(b) : b;
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
