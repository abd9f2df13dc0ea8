/** Everything a hook file finds without importing it. */
import { apis } from "./apis";
import { app } from "./app";
import { Collection } from "./collection";
import { Cookie } from "./cookie";
import { DateTime } from "./datetime";
import { dbx } from "./dbx";
import {
  ApiError, BadRequestError, ForbiddenError, InternalServerError, NotFoundError, TooManyRequestsError, UnauthorizedError,
  ValidationError, notAvailable, unavailable,
} from "./errors";
import { http } from "./http-client";
import { HOOKS_FOLDER } from "./loader";
import { console } from "./log";
import { filepath, os, process, sleep, toBytes, toText, unmarshal } from "./misc";
import { DynamicModel, arrayOf } from "./model";
import { EVENTS } from "./names";
import { SubscriptionMessage } from "./realtime";
import { PbRecord } from "./record";
import { MiddlewareSpec, type Registry } from "./registry";
import { security } from "./security";

const NOT_YET = [
  "Field", "FieldsList", "TextField", "NumberField", "BoolField", "EmailField", "URLField", "EditorField", "DateField",
  "AutodateField", "SelectField", "FileField", "RelationField", "JSONField", "PasswordField", "GeoPointField", "Timezone",
  "Context", "Command", "MailerMessage", "RecordUpsertForm", "AppleClientSecretCreateForm",
  "TestEmailSendForm", "TestS3FilesystemForm", "$filesystem", "$mails", "$template",
];

/** A plain object with the fields it is given. */
class RequestInfo {
  [name: string]: unknown;
  constructor(fields: Record<string, unknown> = {}) {
    Object.assign(this, { context: "default", query: {}, headers: {}, body: {}, auth: null, method: "" }, fields);
  }
}

/** `registry` answers the one of the load that is going on. */
export function installGlobals(registry: () => Registry): void {
  const values: Record<string, unknown> = {
    $app: app, $apis: apis, $dbx: dbx, $http: http, $os: os, $security: security, $filepath: filepath,
    __hooks: HOOKS_FOLDER, console, process, sleep,
    ApiError, BadRequestError, ForbiddenError, InternalServerError, NotFoundError, TooManyRequestsError, UnauthorizedError,
    ValidationError, Collection, Cookie, DateTime, DynamicModel, Middleware: MiddlewareSpec, Record: PbRecord, RequestInfo,
    SubscriptionMessage, arrayOf, toBytes, toString: toText, readerToString: toText, unmarshal,
    nullString: () => null, nullInt: () => null, nullFloat: () => null, nullBool: () => null, nullArray: () => null, nullObject: () => null,
    routerAdd: (...args: Parameters<Registry["addRoute"]>) => registry().addRoute(...args),
    routerUse: (...args: unknown[]) => registry().use(...args),
    cronAdd: (id: string, expression: string, handler: unknown) => registry().addCron(id, expression, handler),
    cronRemove: (id: string) => registry().removeCron(id),
    migrate: () => notAvailable("migrate() in a hook file"),
  };
  for (const name of NOT_YET) values[name] = unavailable(name);
  for (const event of EVENTS) values[event] = (handler: unknown, ...tags: unknown[]) => registry().addHook(event, handler, tags);
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
}
