/** `e` of routes. */
import { RequestEvent } from "./event";
import type { Route } from "./registry";
import type { RequestData } from "./request";

export class RouteEvent extends RequestEvent {
  private declare readonly _http: HangarHttpRequest;
  private declare readonly _route: Route;

  constructor(http: HangarHttpRequest, route: Route) {
    super();
    this._http = http;
    this._route = route;
  }
  protected requestData(): RequestData {
    const { method, path, query, headers, remoteAddress, params } = this._http;
    const body = this._http.body as Uint8Array | number[];
    return { method, path, query, headers, remoteAddress, params, names: this._route.names, body: body instanceof Uint8Array ? body : Uint8Array.from(body) };
  }
  protected rawQuery(): string {
    return this._http.query;
  }
  protected identity(): unknown {
    return this._http.identity;
  }
  /** Behind the last handler there is nothing. */
  protected finish(): void {}

  answer(): HangarHttpResponse {
    return this.writer?.toHttp() ?? { status: 200, headers: [], payload: { tag: "empty" } };
  }
}
