/** `e.request`: Go's request as far as scripts use it. Everything is parsed when it is asked for. */
import { bytesToLatin1, utf8Encode } from "../../../sdk-js/polyfills/encoding";
import { base64ToBytes } from "../../../sdk-js/polyfills/base64";
import { BodyReader, parseBody } from "./body";
import { toText } from "./casting";
import { HeaderMap, type Values, parseQuery } from "./url-values";

export interface RequestData {
  method: string; path: string; query: string; headers: string; remoteAddress: string;
  /** Raw from HTTP, or parsed already by the plugin that raised an event. */
  body: Uint8Array | Record<string, unknown>;
  names?: readonly string[]; params?: readonly string[];
}

class RequestUrl {
  declare readonly path: string;
  declare readonly rawQuery: string;
  private declare _query: Values | undefined;
  private declare _request: RequestView;
  constructor(path: string, rawQuery: string, request: RequestView) {
    try {
      this.path = path.includes("%") ? decodeURIComponent(path) : path;
    } catch {
      this.path = path;
    }
    this._request = request;
    this.rawQuery = rawQuery;
  }
  get host(): string {
    return this._request.host;
  }
  query(): Values {
    return (this._query ??= parseQuery(this.rawQuery));
  }
  requestURI(): string {
    return this.path + (this.rawQuery ? `?${this.rawQuery}` : "");
  }
  string(): string {
    return this.requestURI();
  }
  toString(): string {
    return this.requestURI();
  }
}

export class RequestView {
  private declare readonly _data: RequestData;
  declare readonly method: string;
  private declare _header: HeaderMap | undefined;
  private declare _url: RequestUrl | undefined;
  private declare _fields: Record<string, unknown> | undefined;
  private declare _values: Map<string, string> | undefined;

  constructor(data: RequestData) {
    this._data = data;
    this.method = data.method;
  }
  get header(): HeaderMap {
    return (this._header ??= HeaderMap.parse(this._data.headers));
  }
  get url(): RequestUrl {
    return (this._url ??= new RequestUrl(this._data.path, this._data.query, this));
  }
  get host(): string {
    return this.header.get("host");
  }
  get remoteAddr(): string {
    return this._data.remoteAddress;
  }
  get contentLength(): number {
    return this.content().length;
  }
  get body(): BodyReader {
    return new BodyReader(this.content());
  }
  get tls(): null {
    return null;
  }
  /** The raw body. */
  content(): Uint8Array {
    const body = this._data.body;
    return body instanceof Uint8Array ? body : utf8Encode(JSON.stringify(body ?? {}));
  }
  /** The parsed body; one object for all who ask. */
  fields(): Record<string, unknown> {
    const body = this._data.body;
    return (this._fields ??= body instanceof Uint8Array ? parseBody(body, this.header.get("content-type")) : (body ?? {}));
  }
  pathValue(name: string): string {
    const own = this._values?.get(name);
    if (own !== undefined) return own;
    const at = this._data.names?.indexOf(name) ?? -1;
    return at < 0 ? "" : (this._data.params?.[at] ?? "");
  }
  setPathValue(name: string, value: string): void {
    (this._values ??= new Map()).set(name, String(value));
  }
  userAgent(): string {
    return this.header.get("user-agent");
  }
  referer(): string {
    return this.header.get("referer");
  }
  formValue(name: string): string {
    return toText(this.fields()[name] ?? this.url.query().get(name));
  }
  cookies(): Array<{ name: string; value: string }> {
    return this.header.values("cookie").flatMap((line) => line.split(";")).flatMap((part) => {
      const at = part.indexOf("=");
      return at < 0 ? [] : [{ name: part.slice(0, at).trim(), value: part.slice(at + 1).trim().replace(/^"(.*)"$/, "$1") }];
    });
  }
  /** Throws if there is none, as Go does. */
  cookie(name: string): { name: string; value: string } {
    const found = this.cookies().find((cookie) => cookie.name === name);
    if (!found) throw new Error("http: named cookie not present");
    return found;
  }
  /** `[user, password, ok]`. */
  basicAuth(): [string, string, boolean] {
    const text = /^basic (.+)$/i.exec(this.header.get("authorization"))?.[1];
    if (!text) return ["", "", false];
    const [user, ...rest] = bytesToLatin1(base64ToBytes(text)).split(":");
    return [user ?? "", rest.join(":"), rest.length > 0];
  }
}
