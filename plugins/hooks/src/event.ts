/** `e` of routes and request hooks: the request, the response and the helpers around them. */
import { app } from "./app";
import { authRecord } from "./identity";
import { Chained } from "./chain";
import { toFloat, toText } from "./casting";
import { setCookieValue } from "./cookie";
import {
  ApiError, BadRequestError, ForbiddenError, InternalServerError, NotFoundError, TooManyRequestsError, UnauthorizedError, notAvailable,
} from "./errors";
import { pickFields } from "./fields";
import { gate } from "./host";
import type { PbRecord } from "./record";
import { DynamicModel } from "./model";
import { type RequestData, RequestView } from "./request";
import { ResponseWriter } from "./response";

type Fields = Record<string, any>;

export abstract class RequestEvent extends Chained {
  declare app: typeof app;
  private declare _request: RequestView | undefined;
  private declare _response: ResponseWriter | undefined;
  private declare _auth: PbRecord | null | undefined;
  private declare _store: Map<string, unknown> | undefined;

  /** What the request is made of; asked for once, when a handler first looks. */
  protected abstract requestData(): RequestData;
  /** The identity's document: JSON text or value; null for a guest. */
  protected abstract identity(): unknown;
  protected abstract rawQuery(): string;
  protected requestContext(): string {
    return "default";
  }

  get request(): RequestView {
    return (this._request ??= new RequestView(this.requestData()));
  }
  get response(): ResponseWriter {
    return (this._response ??= new ResponseWriter());
  }
  /** The writer, if anybody has touched it. */
  protected get writer(): ResponseWriter | undefined {
    return this._response;
  }
  get auth(): PbRecord | null {
    return this._auth === undefined ? (this._auth = authRecord(this.identity())) : this._auth;
  }
  set auth(record: PbRecord | null) {
    this._auth = record ?? null;
  }
  hasSuperuserAuth(): boolean {
    return this.auth?.isSuperuser() ?? false;
  }

  requestInfo(): Fields {
    const { request } = this;
    const query: Fields = {};
    for (const [name, values] of Object.entries(request.url.query())) query[name] = values[0];
    const event = this;
    return {
      query, headers: request.header.snake(), body: request.fields(), method: request.method, context: this.requestContext(),
      get auth() {
        return event.auth;
      },
      hasSuperuserAuth: () => event.hasSuperuserAuth(),
      toJSON() {
        return { query, headers: this.headers, body: this.body, auth: event.auth, method: this.method, context: this.context };
      },
    };
  }

  /** Fills a `DynamicModel` (only its own fields, by their types), a `Record` or any object. */
  bindBody(target: Fields): void {
    const fields = this.request.fields();
    if (target instanceof DynamicModel) target.fill(fields);
    else if (target && typeof (target as { load?: unknown }).load === "function") target.load(fields);
    else if (target && typeof target === "object") Object.assign(target, fields);
    else throw new TypeError("bindBody needs an object");
  }
  findUploadedFiles(_name: string): never {
    return notAvailable("e.findUploadedFiles()");
  }

  // Responses.

  json(status: number, data: unknown): void {
    const fields = status < 300 && this.rawQuery().includes("fields=") ? this.request.url.query().get("fields") : "";
    const text = JSON.stringify(fields ? pickFields(data, fields) : data);
    this.response.send(status, "application/json", text === undefined ? "null" : text);
  }
  string(status: number, text: unknown): void {
    this.response.send(status, "text/plain; charset=utf-8", toText(text));
  }
  html(status: number, text: unknown): void {
    this.response.send(status, "text/html; charset=utf-8", toText(text));
  }
  /** Only texts that are XML already: the mapping of values to elements is Go's own. */
  xml(status: number, text: unknown): void {
    if (typeof text !== "string") notAvailable("e.xml() with something that is no text");
    this.response.send(status, "application/xml; charset=utf-8", text as string);
  }
  blob(status: number, type: string, data: unknown): void {
    this.response.send(status, type, typeof data === "string" ? data : bytesFrom(data));
  }
  stream(status: number, type: string, reader: unknown): void {
    this.blob(status, type, reader);
  }
  redirect(status: number, url: string): void {
    if (status < 300 || status > 308) throw new BadRequestError("Invalid redirect status code.");
    this.response.header().set("Location", url);
    this.response.send(status, "", undefined);
  }
  noContent(status: number): void {
    this.response.send(status, "", undefined);
  }
  fileFS(): never {
    return notAvailable("e.fileFS()");
  }
  flush(): void {}
  written(): boolean {
    return this._response?.written ?? false;
  }
  status(): number {
    return this._response?.status ?? 0;
  }
  setCookie(cookie: Fields): void {
    this.response.header().add("Set-Cookie", setCookieValue(cookie));
  }

  // Errors, to be thrown.

  error(status: number, message = "", data: unknown = null): ApiError {
    return new ApiError(status, message, data);
  }
  badRequestError(message = "", data: unknown = null): ApiError {
    return new BadRequestError(message, data);
  }
  unauthorizedError(message = "", data: unknown = null): ApiError {
    return new UnauthorizedError(message, data);
  }
  forbiddenError(message = "", data: unknown = null): ApiError {
    return new ForbiddenError(message, data);
  }
  notFoundError(message = "", data: unknown = null): ApiError {
    return new NotFoundError(message, data);
  }
  tooManyRequestsError(message = "", data: unknown = null): ApiError {
    return new TooManyRequestsError(message, data);
  }
  internalServerError(message = "", data: unknown = null): ApiError {
    return new InternalServerError(message, data);
  }

  // A place for middlewares to leave something.

  get(name: string): any {
    return this._store?.get(name) ?? null;
  }
  set(name: string, value: unknown): void {
    (this._store ??= new Map()).set(name, value);
  }
  getAll(): Fields {
    return Object.fromEntries(this._store ?? []);
  }
  setAll(values: Fields): void {
    this._store = new Map(Object.entries(values));
  }

  remoteIP(): string {
    return this.request.remoteAddr;
  }
  /** Behind the proxies that the settings trust. */
  realIP(): string {
    return gate.clientAddress() || this.request.remoteAddr;
  }
  isTLS(): boolean {
    return this.request.header.get("x-forwarded-proto") === "https";
  }
}

// On the prototype, so that an event costs nothing for it; `e.app = other` still makes it the event's own.
RequestEvent.prototype.app = app;

function bytesFrom(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (Array.isArray(data)) return Uint8Array.from(data, toFloat);
  const bytes = (data as { bytes?: unknown } | null)?.bytes;
  if (bytes instanceof Uint8Array) return bytes;
  throw new TypeError("the body must be bytes or a text");
}
