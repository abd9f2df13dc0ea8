/** `e` of routes. */
import { RequestEvent } from "./event";
import type { Route } from "./registry";
import type { RequestData } from "./request";

export class RouteEvent extends RequestEvent {
  readonly #http: HangarHttpRequest;
  readonly #route: Route;

  constructor(http: HangarHttpRequest, route: Route) {
    super();
    this.#http = http;
    this.#route = route;
  }
  protected requestData(): RequestData {
    const { method, path, query, headers, remoteAddress, params } = this.#http;
    const body = this.#http.body as Uint8Array | number[];
    return { method, path, query, headers, remoteAddress, params, names: this.#route.names, body: body instanceof Uint8Array ? body : Uint8Array.from(body) };
  }
  protected identity(): unknown {
    return this.#http.identity;
  }
  /** Behind the last handler there is nothing. */
  protected finish(): void {}

  answer(): HangarHttpResponse {
    return this.writer?.toHttp() ?? { status: 200, headers: [], payload: { tag: "empty" } };
  }
}
