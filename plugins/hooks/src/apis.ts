/** `$apis`: middlewares and helpers for responses. */
import { toText } from "./casting";
import { ApiError, BadRequestError, ForbiddenError, UnauthorizedError, unavailable } from "./errors";
import type { RequestEvent } from "./event";
import { expandRecords } from "./expand";
import { MiddlewareSpec } from "./registry";
import type { PbRecord } from "./record";

const DEFAULT_BODY_LIMIT = 32 << 20;

function required(): UnauthorizedErrorType {
  return new UnauthorizedError("The request requires valid record authorization token.");
}
type UnauthorizedErrorType = InstanceType<typeof UnauthorizedError>;

function refused(): ApiError {
  return new ForbiddenError("The authorized record is not allowed to perform this action.");
}

export const apis = {
  requireGuestOnly: () => (e: RequestEvent) => {
    if (e.auth) throw new BadRequestError("The request can be accessed only by guests.");
    return e.next();
  },
  requireAuth: (...collections: string[]) => (e: RequestEvent) => {
    if (!e.auth) throw required();
    if (collections.length > 0 && !collections.flat().includes(e.auth.collectionName)) throw refused();
    return e.next();
  },
  requireSuperuserAuth: () => (e: RequestEvent) => {
    if (!e.auth) throw required();
    if (!e.auth.isSuperuser()) throw refused();
    return e.next();
  },
  requireSuperuserOrOwnerAuth: (parameter = "id") => (e: RequestEvent) => {
    if (!e.auth) throw required();
    if (!e.auth.isSuperuser() && e.request.pathValue(parameter || "id") !== e.auth.id) throw refused();
    return e.next();
  },
  /** 0 for the default, negative for none. The limit of the route in the host holds all the same. */
  bodyLimit: (bytes: number) => new MiddlewareSpec((e: RequestEvent) => {
    const limit = bytes === 0 ? DEFAULT_BODY_LIMIT : bytes;
    if (limit > 0 && e.request.contentLength > limit) throw new ApiError(413, "Request entity too large");
    return e.next();
  }, -990),
  /** The host compresses by itself. */
  gzip: () => (e: RequestEvent) => e.next(),
  skipSuccessActivityLog: () => (e: RequestEvent) => {
    e.response.header().set("X-Hangar-Log", "off"); // for the host, which does not send it
    return e.next();
  },
  recordAuthResponse(e: RequestEvent, record: PbRecord, _method: string, meta: unknown = null): void {
    const answer = { record: record.ignoreEmailVisibility(true), token: record.newAuthToken() };
    e.json(200, meta === null || meta === undefined ? answer : { meta, ...answer });
  },
  enrichRecord: (e: RequestEvent, record: PbRecord, ...expands: string[]) => enrich(e, [record], expands),
  enrichRecords: (e: RequestEvent, records: PbRecord[], ...expands: string[]) => enrich(e, records, expands),
  static: unavailable("$apis.static"),
};

function enrich(e: RequestEvent, records: PbRecord[], expands: string[]): void {
  expandRecords(records, [...expands.flat(), toText(e.request.url.query().get("expand"))].filter(Boolean));
}
