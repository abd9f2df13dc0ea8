/** `e.response`: what a handler writes, kept until the host takes it. */
import { bytesToBase64 } from "../../../sdk-js/polyfills/base64";
import { utf8Encode } from "../../../sdk-js/polyfills/encoding";
import { HeaderMap } from "./url-values";

type Body = string | Uint8Array | undefined;

/** `response` of a patch (PROTOCOL.md, section 3). */
export interface ResponsePatch { status?: number; headers?: Array<[string, string]>; text?: string; base64?: string }

export class ResponseWriter {
  private declare _status: number | undefined;
  private declare _header: HeaderMap | undefined;
  /** The content type of `send`, while nobody has asked for the headers. */
  private declare _type: string | undefined;
  private declare _body: Body;
  private declare _sent: boolean | undefined;

  header(): HeaderMap {
    if (!this._header) {
      this._header = new HeaderMap();
      if (this._type) this._header.set("Content-Type", this._type);
    }
    return this._header;
  }
  writeHeader(status: number): void {
    if (!this._status) this._status = checkedStatus(status);
  }
  /** Adds to the body. */
  write(data: string | Uint8Array | number[]): number {
    this.writeHeader(200);
    const piece = typeof data === "string" ? data : Uint8Array.from(data);
    this._body = this._body === undefined ? piece : joined(this._body, piece);
    return piece.length;
  }
  get status(): number {
    return this._status ?? 0;
  }
  get written(): boolean {
    return this._status !== undefined;
  }
  /** A whole response. The content type stays what a handler has set. */
  send(status: number, type: string, body: Body): void {
    if (!this._header) this._type ??= type;
    else if (type && !this._header.has("content-type")) this._header.set("Content-Type", type);
    this.writeHeader(status);
    if (body !== undefined) this._body = this._body === undefined ? body : joined(this._body, body);
  }
  /** Somebody else has written: only the status is known. */
  elsewhere(status: number): void {
    this._status ??= status;
    this._sent = true;
  }

  private _pairs(): Array<[string, string]> {
    if (this._header) return this._header.pairs();
    return this._type ? [["Content-Type", this._type]] : [];
  }

  toHttp(): HangarHttpResponse {
    const body = this._body;
    return {
      status: this._status ?? 200,
      headers: this._pairs(),
      payload: body === undefined ? { tag: "empty" } : typeof body === "string" ? { tag: "text", val: body } : { tag: "bytes", val: body },
    };
  }

  /** For the plugin that raised the event; undefined if there is nothing to say, or it has been said. */
  takePatch(): ResponsePatch | undefined {
    const headers = this._pairs();
    if (this._sent || (this._status === undefined && headers.length === 0)) return undefined;
    const patch: ResponsePatch = {};
    if (headers.length > 0) patch.headers = headers;
    if (this._status !== undefined) {
      this._sent = true;
      patch.status = this._status;
      if (typeof this._body === "string") patch.text = this._body;
      else if (this._body) patch.base64 = bytesToBase64(this._body);
    } else this._header = undefined; // said once
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
