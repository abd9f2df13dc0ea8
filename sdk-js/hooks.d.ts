/**
 * The globals of hook files, for editors and `tsc`:
 *
 *     /// <reference path="…/sdk-js/hooks.d.ts" />
 *
 * What PocketBase has and Hangar has not yet is left out here; at run time it throws "… is not available yet in Hangar".
 * `console`, `fetch`, `URL`, timers and the like come from TypeScript's own `dom` library.
 */

interface HookFields { [name: string]: any }

interface HookDateTime {
  string(): string; unix(): number; isZero(): boolean;
  /** Nanoseconds, as in Go. */
  add(nanoseconds: number): HookDateTime; sub(other: HookDateTime): number;
  addDate(years: number, months: number, days: number): HookDateTime;
  after(other: HookDateTime): boolean; before(other: HookDateTime): boolean; equal(other: HookDateTime): boolean; compare(other: HookDateTime): number;
}

interface HookField { name: string; type: string; hidden?: boolean; [option: string]: any }

interface HookCollection {
  id: string; name: string; type: "base" | "auth" | "view"; system: boolean; indexes: string[]; [option: string]: any;
  fields: Iterable<HookField> & { getByName(name: string): HookField | null; getById(id: string): HookField | null; fieldNames(): string[] };
  isBase(): boolean; isAuth(): boolean; isView(): boolean;
}

interface HookRecord {
  id: string;
  readonly collectionId: string; readonly collectionName: string;
  collection(): HookCollection; isNew(): boolean; original(): HookRecord; fresh(): HookRecord; clone(): HookRecord;
  get(name: string): any; getString(name: string): string; getInt(name: string): number; getFloat(name: string): number;
  getBool(name: string): boolean; getDateTime(name: string): HookDateTime; getStringSlice(name: string): string[];
  getGeoPoint(name: string): { lon: number; lat: number };
  /** `name+`, `+name` and `name-` append, prepend and remove. */
  set(name: string, value: unknown): void; setIfFieldExists(name: string, value: unknown): HookField | null; load(fields: HookFields): void;
  hide(...names: string[]): this; unhide(...names: string[]): this; withCustomData(show: boolean): this; ignoreEmailVisibility(show: boolean): this;
  publicExport(): HookFields; fieldsData(): HookFields; customData(): HookFields;
  expand(): HookFields; setExpand(expand: HookFields): void; mergeExpand(expand: HookFields): void;
  expandedOne(name: string): HookRecord | null; expandedAll(name: string): HookRecord[];
  isSuperuser(): boolean; email(): string; setEmail(email: string): void; verified(): boolean; setVerified(verified: boolean): void;
  emailVisibility(): boolean; setEmailVisibility(visible: boolean): void; tokenKey(): string; refreshTokenKey(): void;
  setPassword(password: string): void; setRandomPassword(): string; validatePassword(password: string): boolean;
  newAuthToken(): string; newStaticAuthToken(nanoseconds?: number): string; newFileToken(): string; newVerificationToken(): string;
  newPasswordResetToken(): string; newEmailChangeToken(email: string): string;
}

interface HookCondition { filter: string; params: HookFields }

interface HookQuery {
  bind(params: HookFields): this; all(target?: unknown[]): HookFields[]; one(target?: HookFields): HookFields; column(): unknown[];
  row(): unknown[]; execute(): { rowsAffected(): number };
}

type HookCollectionRef = string | HookCollection;

interface HookApp {
  findRecordById(collection: HookCollectionRef, id: string): HookRecord;
  findRecordsByIds(collection: HookCollectionRef, ids: string[]): HookRecord[];
  findRecordsByFilter(collection: HookCollectionRef, filter: string, sort?: string, limit?: number, offset?: number, params?: HookFields): HookRecord[];
  findFirstRecordByFilter(collection: HookCollectionRef, filter: string, params?: HookFields): HookRecord;
  findFirstRecordByData(collection: HookCollectionRef, field: string, value: unknown): HookRecord;
  findAllRecords(collection: HookCollectionRef, ...conditions: HookCondition[]): HookRecord[];
  countRecords(collection: HookCollectionRef, ...conditions: HookCondition[]): number;
  findAuthRecordByEmail(collection: HookCollectionRef, email: string): HookRecord;
  findCollectionByNameOrId(nameOrId: string): HookCollection; findCachedCollectionByNameOrId(nameOrId: string): HookCollection;
  findAllCollections(...types: string[]): HookCollection[];
  expandRecord(record: HookRecord, expands: string[], fetch?: null): HookFields; expandRecords(records: HookRecord[], expands: string[], fetch?: null): HookFields;
  save(record: HookRecord): void; saveNoValidate(record: HookRecord): void; delete(record: HookRecord): void;
  runInTransaction<T>(action: (app: HookApp) => T): T; isTransactional(): boolean;
  db(): { newQuery(sql: string): HookQuery; quote(text: string): string };
  settings(): HookFields;
  store(): {
    get(key: string): any; set(key: string, value: unknown): void; has(key: string): boolean; remove(key: string): void; removeAll(): void;
    getOrSet<T>(key: string, make: () => T): T; getAll(): HookFields; keys(): string[]; length(): number;
  };
  logger(): HookLogger; isDev(): boolean;
}

interface HookLogger {
  debug(message: string, ...pairs: unknown[]): void; info(message: string, ...pairs: unknown[]): void;
  warn(message: string, ...pairs: unknown[]): void; error(message: string, ...pairs: unknown[]): void; with(...pairs: unknown[]): HookLogger;
}

interface HookHeaders { get(name: string): string; set(name: string, value: string): void; add(name: string, value: string): void; del(name: string): void; values(name: string): string[] }

interface HookRequest {
  method: string; header: HookHeaders; host: string; remoteAddr: string; body: unknown;
  url: { path: string; rawQuery: string; query(): { get(name: string): string; has(name: string): boolean; [name: string]: any } };
  pathValue(name: string): string; userAgent(): string; referer(): string; formValue(name: string): string;
  cookie(name: string): { name: string; value: string }; cookies(): Array<{ name: string; value: string }>; basicAuth(): [string, string, boolean];
}

interface HookRequestEvent {
  app: HookApp; auth: HookRecord | null; request: HookRequest;
  response: { header(): HookHeaders; writeHeader(status: number): void; write(data: string | Uint8Array | number[]): number };
  /** Runs the rest of the chain. It returns a promise only if a handler after this one is asynchronous. */
  next(): unknown;
  requestInfo(): { query: HookFields; headers: Record<string, string>; body: HookFields; auth: HookRecord | null; method: string; context: string };
  bindBody(target: object): void;
  json(status: number, data: unknown): void; string(status: number, text: string): void; html(status: number, text: string): void;
  xml(status: number, text: string): void; blob(status: number, type: string, data: string | Uint8Array | number[]): void;
  redirect(status: number, url: string): void; noContent(status: number): void; setCookie(cookie: HookFields): void;
  written(): boolean; status(): number; realIP(): string; remoteIP(): string; isTLS(): boolean; hasSuperuserAuth(): boolean;
  get(name: string): any; set(name: string, value: unknown): void; getAll(): HookFields;
  error(status: number, message?: string, data?: HookFields): ApiError; badRequestError(message?: string, data?: HookFields): ApiError;
  unauthorizedError(message?: string, data?: HookFields): ApiError; forbiddenError(message?: string, data?: HookFields): ApiError;
  notFoundError(message?: string, data?: HookFields): ApiError; tooManyRequestsError(message?: string, data?: HookFields): ApiError;
  internalServerError(message?: string, data?: HookFields): ApiError;
}

interface HookModelEvent { app: HookApp; record: HookRecord; model: HookRecord; collection: HookCollection; type: string; next(): unknown }
interface HookModelErrorEvent extends HookModelEvent { error: Error & { code: string; status: number } }
interface HookRecordRequestEvent extends HookRequestEvent { record: HookRecord; collection: HookCollection }
interface HookRecordsListRequestEvent extends HookRequestEvent { records: HookRecord[]; collection: HookCollection; result: { page: number; perPage: number; totalItems: number; totalPages: number } }
interface HookAuthRequestEvent extends HookRecordRequestEvent { token: string; meta: any; authMethod: string }
interface HookPasswordRequestEvent extends HookRecordRequestEvent { identity: string; identityField: string; password: string }
interface HookOAuth2RequestEvent extends HookRecordRequestEvent { providerName: string; oAuth2User: HookFields; createData: HookFields | null; isNewRecord: boolean }

interface HookFileDownloadEvent extends HookRecordRequestEvent { readonly fileField: HookFields; servedPath: string; servedName: string }
interface HookFileTokenEvent extends HookRecordRequestEvent { token: string }
interface HookSettingsListEvent extends HookRequestEvent { settings: HookFields }
interface HookSettingsUpdateEvent extends HookRequestEvent { readonly oldSettings: HookFields; newSettings: HookFields }
interface HookCollectionRequestEvent extends HookRequestEvent { readonly collection: HookCollection }
interface HookCollectionEvent { app: HookApp; readonly collection: HookCollection; readonly model: HookCollection; type: string; next(): unknown }
interface HookCollectionErrorEvent extends HookCollectionEvent { error: Error & { code: string; status: number } }
interface HookAppEvent { app: HookApp; next(): unknown }
interface HookBackupEvent extends HookAppEvent { name: string; readonly exclude: string[] }
interface HookCollectionsListEvent extends HookRequestEvent { readonly collections: HookFields[]; readonly result: HookRecordsListRequestEvent["result"] }
interface HookCollectionsImportEvent extends HookRequestEvent { collectionsData: HookFields[]; deleteMissing: boolean }
interface HookRealtimeClient {
  id(): string; subscriptions(...prefixes: string[]): HookFields; hasSubscription(topic: string): boolean; send(message: SubscriptionMessage): void;
  get(name: string): any; set(name: string, value: unknown): void; unset(name: string): void; isDiscarded(): boolean;
}
interface HookRealtimeConnectEvent extends HookRequestEvent { readonly client: HookRealtimeClient }
interface HookRealtimeMessageEvent extends HookRequestEvent { readonly client: HookRealtimeClient; message: SubscriptionMessage }
interface HookRealtimeSubscribeEvent extends HookRealtimeConnectEvent { subscriptions: string[] }
declare class SubscriptionMessage { constructor(fields?: { name?: string; data?: string }); name: string; data: string }

type HookHandler<E> = (e: E) => unknown;
type HookMiddleware = HookHandler<HookRequestEvent> | Middleware;
/** Tags are names or ids of collections; none means all. */
type HookOn<E> = (handler: HookHandler<E>, ...tags: string[]) => void;

declare const __hooks: string;
declare const $app: HookApp;
declare const $apis: {
  requireAuth(...collections: string[]): HookMiddleware; requireGuestOnly(): HookMiddleware; requireSuperuserAuth(): HookMiddleware;
  requireSuperuserOrOwnerAuth(parameter?: string): HookMiddleware; bodyLimit(bytes: number): HookMiddleware; gzip(): HookMiddleware;
  skipSuccessActivityLog(): HookMiddleware; recordAuthResponse(e: HookRequestEvent, record: HookRecord, method: string, meta?: unknown): void;
  enrichRecord(e: HookRequestEvent, record: HookRecord, ...expands: string[]): void; enrichRecords(e: HookRequestEvent, records: HookRecord[], ...expands: string[]): void;
};
declare const $dbx: {
  hashExp(values: HookFields): HookCondition; and(...conditions: HookCondition[]): HookCondition; or(...conditions: HookCondition[]): HookCondition;
  in(name: string, ...values: unknown[]): HookCondition; notIn(name: string, ...values: unknown[]): HookCondition;
  like(name: string, ...values: unknown[]): HookCondition; notLike(name: string, ...values: unknown[]): HookCondition;
  orLike(name: string, ...values: unknown[]): HookCondition; orNotLike(name: string, ...values: unknown[]): HookCondition;
  between(name: string, from: unknown, to: unknown): HookCondition; notBetween(name: string, from: unknown, to: unknown): HookCondition;
};
declare const $security: {
  md5(text: string): string; sha256(text: string): string; sha512(text: string): string; hs256(text: string, secret: string): string; hs512(text: string, secret: string): string;
  equal(a: string, b: string): boolean; randomString(length: number): string; randomStringWithAlphabet(length: number, alphabet: string): string;
  parseUnverifiedJWT(token: string): HookFields; parseJWT(token: string, secret: string): HookFields; createJWT(claims: HookFields, secret: string, seconds: number): string;
};
declare const $http: {
  send(config: { url: string; method?: string; headers?: Record<string, string>; body?: unknown; data?: unknown; timeout?: number }):
    { statusCode: number; headers: Record<string, string[]>; cookies: HookFields; raw: string; json: any; body: Uint8Array };
};
declare const $os: { getenv(name: string): string };

declare function routerAdd(method: string, path: string, handler: HookHandler<HookRequestEvent>, ...middlewares: HookMiddleware[]): void;
declare function routerUse(...middlewares: HookMiddleware[]): void;
declare function cronAdd(id: string, expression: string, handler: () => void): void;
declare function cronRemove(id: string): void;
declare function require(path: string): any;
declare function arrayOf<T extends object>(model: T): T[];
declare function unmarshal(source: unknown, target: object): void;
declare function readerToString(reader: unknown): string;

declare class DynamicModel { constructor(shape?: HookFields); [name: string]: any }
declare class Middleware { constructor(func: HookHandler<HookRequestEvent>, priority?: number, id?: string) }
declare class Cookie { constructor(fields?: HookFields); [name: string]: any }
declare class ApiError extends Error { constructor(status?: number, message?: string, data?: HookFields | null); readonly status: number; readonly data: HookFields }
declare class BadRequestError extends ApiError { constructor(message?: string, data?: HookFields | null) }
declare class UnauthorizedError extends ApiError { constructor(message?: string, data?: HookFields | null) }
declare class ForbiddenError extends ApiError { constructor(message?: string, data?: HookFields | null) }
declare class NotFoundError extends ApiError { constructor(message?: string, data?: HookFields | null) }
declare class TooManyRequestsError extends ApiError { constructor(message?: string, data?: HookFields | null) }
declare class InternalServerError extends ApiError { constructor(message?: string, data?: HookFields | null) }
declare class ValidationError extends Error { constructor(code: string, message: string); readonly code: string }
declare const DateTime: new (value?: string | Date) => HookDateTime;

declare const onRecordCreateRequest: HookOn<HookRecordRequestEvent>;
declare const onRecordUpdateRequest: HookOn<HookRecordRequestEvent>;
declare const onRecordDeleteRequest: HookOn<HookRecordRequestEvent>;
declare const onRecordViewRequest: HookOn<HookRecordRequestEvent>;
declare const onRecordsListRequest: HookOn<HookRecordsListRequestEvent>;
declare const onRecordAuthRequest: HookOn<HookAuthRequestEvent>;
declare const onRecordAuthWithPasswordRequest: HookOn<HookPasswordRequestEvent>;
declare const onRecordAuthWithOAuth2Request: HookOn<HookOAuth2RequestEvent>;
declare const onRecordAuthRefreshRequest: HookOn<HookRecordRequestEvent>;
declare const onFileDownloadRequest: HookOn<HookFileDownloadEvent>;
declare const onFileTokenRequest: HookOn<HookFileTokenEvent>;
declare const onSettingsListRequest: HookOn<HookSettingsListEvent>;
declare const onSettingsUpdateRequest: HookOn<HookSettingsUpdateEvent>;
declare const onCollectionsListRequest: HookOn<HookCollectionsListEvent>;
declare const onCollectionViewRequest: HookOn<HookCollectionRequestEvent>;
declare const onCollectionCreateRequest: HookOn<HookCollectionRequestEvent>;
declare const onCollectionUpdateRequest: HookOn<HookCollectionRequestEvent>;
declare const onCollectionDeleteRequest: HookOn<HookCollectionRequestEvent>;
declare const onCollectionsImportRequest: HookOn<HookCollectionsImportEvent>;
declare const onRealtimeConnectRequest: HookOn<HookRealtimeConnectEvent>;
declare const onRealtimeSubscribeRequest: HookOn<HookRealtimeSubscribeEvent>;
declare const onRealtimeMessageSend: HookOn<HookRealtimeMessageEvent>;
declare const onSettingsReload: HookOn<HookAppEvent>;
declare const onBootstrap: HookOn<HookAppEvent>;
declare const onBackupCreate: HookOn<HookBackupEvent>;
declare const onCollectionValidate: HookOn<HookCollectionEvent>;
declare const onCollectionCreate: HookOn<HookCollectionEvent>;
declare const onCollectionUpdate: HookOn<HookCollectionEvent>;
declare const onCollectionDelete: HookOn<HookCollectionEvent>;
declare const onCollectionCreateExecute: HookOn<HookCollectionEvent>;
declare const onCollectionUpdateExecute: HookOn<HookCollectionEvent>;
declare const onCollectionDeleteExecute: HookOn<HookCollectionEvent>;
declare const onCollectionAfterCreateSuccess: HookOn<HookCollectionEvent>;
declare const onCollectionAfterUpdateSuccess: HookOn<HookCollectionEvent>;
declare const onCollectionAfterDeleteSuccess: HookOn<HookCollectionEvent>;
declare const onCollectionAfterCreateError: HookOn<HookCollectionErrorEvent>;
declare const onCollectionAfterUpdateError: HookOn<HookCollectionErrorEvent>;
declare const onCollectionAfterDeleteError: HookOn<HookCollectionErrorEvent>;
declare const onRecordEnrich: HookOn<HookModelEvent & { requestInfo: HookRequestEvent["requestInfo"] }>;
declare const onRecordValidate: HookOn<HookModelEvent>;
declare const onRecordCreate: HookOn<HookModelEvent>;
declare const onRecordUpdate: HookOn<HookModelEvent>;
declare const onRecordDelete: HookOn<HookModelEvent>;
declare const onRecordCreateExecute: HookOn<HookModelEvent>;
declare const onRecordUpdateExecute: HookOn<HookModelEvent>;
declare const onRecordDeleteExecute: HookOn<HookModelEvent>;
declare const onRecordAfterCreateSuccess: HookOn<HookModelEvent>;
declare const onRecordAfterUpdateSuccess: HookOn<HookModelEvent>;
declare const onRecordAfterDeleteSuccess: HookOn<HookModelEvent>;
declare const onRecordAfterCreateError: HookOn<HookModelErrorEvent>;
declare const onRecordAfterUpdateError: HookOn<HookModelErrorEvent>;
declare const onRecordAfterDeleteError: HookOn<HookModelErrorEvent>;
declare const onModelValidate: HookOn<HookModelEvent>;
declare const onModelCreate: HookOn<HookModelEvent>;
declare const onModelUpdate: HookOn<HookModelEvent>;
declare const onModelDelete: HookOn<HookModelEvent>;
declare const onModelCreateExecute: HookOn<HookModelEvent>;
declare const onModelUpdateExecute: HookOn<HookModelEvent>;
declare const onModelDeleteExecute: HookOn<HookModelEvent>;
declare const onModelAfterCreateSuccess: HookOn<HookModelEvent>;
declare const onModelAfterUpdateSuccess: HookOn<HookModelEvent>;
declare const onModelAfterDeleteSuccess: HookOn<HookModelEvent>;
declare const onModelAfterCreateError: HookOn<HookModelErrorEvent>;
declare const onModelAfterUpdateError: HookOn<HookModelErrorEvent>;
declare const onModelAfterDeleteError: HookOn<HookModelErrorEvent>;
