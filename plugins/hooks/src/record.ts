/** PocketBase's `Record`. Remembers what a handler has changed, so that only that travels. */
import { toBool, toFloat, toInt, toText, toTextList } from "./casting";
import { Collection, type FieldJson, collectionOf } from "./collection";
import { DateTime } from "./datetime";
import { guard, password, random, tokens } from "./host";

export type Fields = Record<string, any>;

/** The changes of one record, a part of a patch (PROTOCOL.md, section 3). */
export interface RecordPatch {
  set?: Fields; hide?: string[]; unhide?: string[]; custom?: boolean; showEmail?: boolean; expand?: Fields;
}

const TOKEN_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SYSTEM_HIDDEN = new Set(["password", "tokenKey"]);
/** Go counts durations in nanoseconds. */
const NS_PER_SECOND = 1e9;

function copy<T>(value: T): T {
  return value !== null && typeof value === "object" ? (JSON.parse(JSON.stringify(value)) as T) : value;
}

function plain(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof DateTime) return value.string();
  return value instanceof Date ? new DateTime(value).string() : value;
}

function emptyValue(field: FieldJson): unknown {
  if (field.type === "number") return 0;
  if (field.type === "bool") return false;
  if (field.type === "json") return null;
  if (field.type === "geoPoint") return { lon: 0, lat: 0 };
  const multiple = ["select", "relation", "file"].includes(field.type) && Number(field.maxSelect) > 1;
  return multiple ? [] : "";
}

/** Tells the constructor that the data is complete. */
const RECEIVED = new Collection();

/** `Record` for scripts. The class has another name, because TypeScript's own `Record` is needed all over. */
export class PbRecord {
  private declare _data: Fields;
  private declare _collection: Collection | undefined;
  private declare _isNew: boolean;
  /** Values before the first change by a handler. */
  private declare _before: Fields | undefined;
  /** Values of the stored record that differ from the document (PROTOCOL.md, `original`). */
  private declare _stored: Fields | null;
  private declare _expand: Fields | undefined;
  private declare _patch: RecordPatch | undefined;
  private declare _custom: boolean | undefined;
  private declare _showEmail: boolean | undefined;
  /** Fields that a handler has shown or hidden. */
  private declare _shown: Map<string, boolean> | undefined;

  constructor(collection?: Collection | string, data: Fields = {}) {
    this._isNew = true;
    this._stored = null;
    if (collection === RECEIVED) {
      this._data = data;
      return;
    }
    this._collection = typeof collection === "string" ? collectionOf(collection) : collection;
    if (!(this._collection instanceof Collection)) throw new TypeError("new Record() needs a collection");
    this._data = { id: "", collectionId: this._collection.id, collectionName: this._collection.name };
    for (const field of this._collection.fields) this._data[field.name] ??= emptyValue(field);
    this.load(data);
  }

  /** A record as it came from the host. `stored` as `original` in PROTOCOL.md. */
  static received(data: Fields, isNew = false, stored: Fields | null = null): PbRecord {
    const record = new PbRecord(RECEIVED, data);
    record._isNew = isNew;
    record._stored = stored;
    if (data.expand) {
      record._expand = expandedRecords(data.expand as Fields);
      delete data.expand;
    }
    return record;
  }

  get id(): string {
    return this._data.id ?? "";
  }
  set id(value: string) {
    this.set("id", value);
  }

  get(name: string): any {
    if (name === "expand") return this._expand ?? {};
    const value = this._data[name];
    return value === undefined ? null : value;
  }
  getRaw(name: string): any {
    return this.get(name);
  }
  getString(name: string): string {
    return toText(this._data[name]);
  }
  getInt(name: string): number {
    return toInt(this._data[name]);
  }
  getInt64(name: string): number {
    return toInt(this._data[name]);
  }
  getFloat(name: string): number {
    return toFloat(this._data[name]);
  }
  getBool(name: string): boolean {
    return toBool(this._data[name]);
  }
  getDateTime(name: string): DateTime {
    return new DateTime(this._data[name] ?? "");
  }
  getStringSlice(name: string): string[] {
    return toTextList(this._data[name]);
  }
  getGeoPoint(name: string): { lon: number; lat: number } {
    const { lon, lat } = (this._data[name] ?? {}) as Fields;
    return { lon: toFloat(lon), lat: toFloat(lat) };
  }
  unmarshalJSONField(name: string, target: Fields): void {
    const value = this._data[name];
    Object.assign(target, copy(typeof value === "string" ? JSON.parse(value) : value));
  }

  /** Assigns a field. `name+`, `+name` and `name-` add to or take from what is there. */
  set(name: string, value: unknown): void {
    const first = name[0];
    const last = name[name.length - 1];
    if (first === "+" || last === "+" || last === "-") {
      const base = name.slice(first === "+" ? 1 : 0, first === "+" ? undefined : -1);
      this._assign(base, modified(this._data[base], plain(value), first === "+" ? "prepend" : last === "+" ? "append" : "remove"));
    } else if (name === "expand") this.setExpand((value ?? {}) as Fields);
    else this._assign(name, plain(value));
  }
  setRaw(name: string, value: unknown): void {
    this._assign(name, plain(value));
  }
  setIfFieldExists(name: string, value: unknown): FieldJson | null {
    const field = this.collection().fields.getByName(name.replace(/^\+|[+-]$/g, ""));
    if (field) this.set(name, value);
    return field;
  }
  load(data: Fields): void {
    for (const name of Object.keys(data ?? {})) this.set(name, data[name]);
  }

  private _assign(name: string, value: unknown): void {
    const before = (this._before ??= {});
    if (!(name in before)) before[name] = this._data[name];
    this._data[name] = value;
    ((this._patch ??= {}).set ??= {})[name] = value;
  }

  isNew(): boolean {
    return this._isNew;
  }
  markAsNew(): void {
    this._isNew = true;
  }
  markAsNotNew(): void {
    this._isNew = false;
  }
  pk(): string {
    return this.id;
  }
  lastSavedPK(): string {
    return this._isNew ? "" : this.original().id;
  }
  /** The record as it is stored. */
  original(): PbRecord {
    return PbRecord.received({ ...this._data, ...this._before, ...this._stored });
  }
  fresh(): PbRecord {
    return PbRecord.received({ ...this._data });
  }
  clone(): PbRecord {
    const record = PbRecord.received(copy(this._data), this._isNew, copy(this._stored));
    record._expand = this._expand;
    record._before = copy(this._before);
    record._patch = copy(this._patch);
    record._custom = this._custom;
    return record;
  }

  collection(): Collection {
    return (this._collection ??= collectionOf((this._data.collectionId || this._data.collectionName) as string));
  }
  get collectionId(): string {
    return this._data.collectionId ?? "";
  }
  get collectionName(): string {
    return this._data.collectionName ?? "";
  }
  tableName(): string {
    return this.collectionName;
  }
  baseFilesPath(): string {
    return `${this.collectionId}/${this.id}`;
  }
  hookTags(): string[] {
    return [this.collectionId, this.collectionName];
  }

  // What a response shows.

  hide(...names: string[]): this {
    this._mark("hide", names.flat());
    return this;
  }
  unhide(...names: string[]): this {
    this._mark("unhide", names.flat());
    return this;
  }
  private _mark(how: "hide" | "unhide", names: string[], ours = true): void {
    for (const name of names) {
      (this._shown ??= new Map()).set(name, how === "unhide");
      if (ours) ((this._patch ??= {})[how] ??= []).push(name);
    }
  }
  withCustomData(show: boolean): this {
    this._custom = show;
    (this._patch ??= {}).custom = show;
    return this;
  }
  ignoreEmailVisibility(show: boolean): this {
    this._showEmail = show;
    (this._patch ??= {}).showEmail = show;
    return this;
  }
  ignoreUnchangedFields(_: boolean): this {
    return this; // only changed fields are sent anyway
  }
  fieldsData(): Fields {
    return Object.fromEntries(this.collection().fields.fieldNames().map((name) => [name, this.get(name)]));
  }
  customData(): Fields {
    const known = new Set([...this.collection().fields.fieldNames(), "collectionId", "collectionName"]);
    return Object.fromEntries(Object.entries(this._data).filter(([name]) => !known.has(name)));
  }
  publicExport(): Fields {
    const collection = this.collection();
    const out: Fields = { collectionId: this.collectionId, collectionName: this.collectionName };
    for (const { name, hidden } of collection.fields) {
      const secret = hidden || SYSTEM_HIDDEN.has(name)
        || (name === "email" && collection.isAuth() && !this._showEmail && !this.emailVisibility());
      if (!(this._shown?.get(name) ?? !secret)) continue;
      out[name] = this.get(name);
    }
    if (this._custom) Object.assign(out, this.customData());
    if (this._expand && Object.keys(this._expand).length > 0) out.expand = this._expand;
    // Alphabetical, as the API answers records.
    return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  toJSON(): Fields {
    return this.publicExport();
  }
  marshalJSON(): string {
    return JSON.stringify(this);
  }

  // Expanded relations.

  expand(): Fields {
    return this._expand ?? {};
  }
  setExpand(expand: Fields): void {
    this._expand = expand;
    (this._patch ??= {}).expand = expand;
  }
  mergeExpand(expand: Fields): void {
    this.setExpand({ ...this._expand, ...expand });
  }
  expandedOne(name: string): PbRecord | null {
    const value = this._expand?.[name];
    return (Array.isArray(value) ? value[0] : value) ?? null;
  }
  expandedAll(name: string): PbRecord[] {
    const value = this._expand?.[name];
    return Array.isArray(value) ? value : value ? [value] : [];
  }

  // Auth records.

  isSuperuser(): boolean {
    return this.collectionName === "_superusers";
  }
  email(): string {
    return this.getString("email");
  }
  setEmail(value: string): void {
    this.set("email", value);
  }
  emailVisibility(): boolean {
    return this.getBool("emailVisibility");
  }
  setEmailVisibility(value: boolean): void {
    this.set("emailVisibility", value);
  }
  verified(): boolean {
    return this.getBool("verified");
  }
  setVerified(value: boolean): void {
    this.set("verified", value);
  }
  tokenKey(): string {
    return this.getString("tokenKey");
  }
  setTokenKey(value: string): void {
    this.set("tokenKey", value);
  }
  refreshTokenKey(): void {
    this.set("tokenKey", guard(random.text, 50, TOKEN_ALPHABET));
  }
  setPassword(value: string): void {
    this.set("password", value);
    this.refreshTokenKey();
  }
  setRandomPassword(): string {
    const value = guard(random.text, 30, TOKEN_ALPHABET);
    this.setPassword(value);
    return value;
  }
  validatePassword(value: string): boolean {
    const changed = this._patch?.set?.password;
    if (typeof changed === "string") return changed === value; // not hashed before it is saved
    const hash = this.getString("password");
    return hash !== "" && guard(password.verify, String(value), hash);
  }
  newAuthToken(): string {
    return this._token("auth");
  }
  /** A token that cannot be refreshed. `duration` in nanoseconds, as in Go; 0 for the collection's. */
  newStaticAuthToken(duration = 0): string {
    return this._token("auth", { refreshable: false, ...(duration > 0 ? { duration: Math.round(duration / NS_PER_SECOND) } : {}) });
  }
  newFileToken(): string {
    return this._token("file");
  }
  newVerificationToken(): string {
    return this._token("verification");
  }
  newPasswordResetToken(): string {
    return this._token("passwordReset");
  }
  newEmailChangeToken(newEmail: string): string {
    return this._token("emailChange", { newEmail });
  }
  private _token(kind: string, options: Fields = {}): string {
    return guard(tokens.issue, kind, this.collectionName, this.id, JSON.stringify(options));
  }

  // Between the component and the host; not for scripts.

  /** What has changed since the last call, or undefined. */
  takePatch(): RecordPatch | undefined {
    const patch = this._patch;
    this._patch = undefined;
    return patch;
  }

  /** What others have changed; it is not ours to send. */
  applyPatch(patch: RecordPatch): void {
    if (patch.set) {
      const before = (this._before ??= {});
      const data = this._data;
      for (const name in patch.set) {
        if (!(name in before)) before[name] = data[name];
        data[name] = patch.set[name];
      }
    }
    if (patch.hide) this._mark("hide", patch.hide, false);
    if (patch.unhide) this._mark("unhide", patch.unhide, false);
    if (patch.expand) this._expand = expandedRecords(patch.expand);
    if (patch.custom !== undefined) this._custom = patch.custom;
    if (patch.showEmail !== undefined) this._showEmail = patch.showEmail;
  }

  /** After a save: this is what is stored now. `data`, where the host has told it, replaces the fields. */
  saved(data?: Fields): void {
    if (data) {
      this._data = { collectionId: this.collectionId, collectionName: this.collectionName, ...data };
      delete this._data.expand;
    }
    this._isNew = false;
    this._before = undefined;
    this._stored = null;
    if (data) this._patch = undefined;
  }

  /** Every field. */
  document(): Fields {
    return this._data;
  }

  /** What a save has to send: id and changed fields, or all of them for a new record. */
  changes(): Fields {
    if (this._isNew) return this._data;
    const changed: Fields = { id: this._before && "id" in this._before ? this._before.id : this.id };
    for (const name of Object.keys(this._before ?? {})) changed[name] = this._data[name];
    return changed;
  }
}

function expandedRecords(expand: Fields): Fields {
  const wrap = (value: unknown) => value instanceof PbRecord ? value : PbRecord.received(value as Fields);
  return Object.fromEntries(Object.entries(expand).map(([name, value]) => [name, Array.isArray(value) ? value.map(wrap) : wrap(value)]));
}

function modified(current: unknown, value: unknown, how: "append" | "prepend" | "remove"): unknown {
  if (Array.isArray(current)) {
    const items = Array.isArray(value) ? value : [value];
    if (how === "remove") return current.filter((item) => !items.includes(item));
    const added = items.filter((item) => !current.includes(item));
    return how === "append" ? [...current, ...added] : [...added, ...current];
  }
  if (typeof current === "number" || typeof value === "number") {
    return how === "remove" ? toFloat(current) - toFloat(value) : toFloat(current) + toFloat(value);
  }
  return how === "remove" ? (current === value ? "" : current) : value;
}
