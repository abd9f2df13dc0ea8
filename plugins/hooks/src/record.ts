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
  #data: Fields;
  #collection: Collection | undefined;
  #isNew: boolean;
  /** Values before the first change by a handler. */
  #before: Fields | undefined;
  /** Values of the stored record that differ from the document (PROTOCOL.md, `original`). */
  #stored: Fields | null;
  #expand: Fields | undefined;
  #patch: RecordPatch | undefined;
  #custom = false;
  #showEmail = false;
  /** Fields that a handler has shown or hidden. */
  #shown: Map<string, boolean> | undefined;

  constructor(collection?: Collection | string, data: Fields = {}) {
    this.#isNew = true;
    this.#stored = null;
    if (collection === RECEIVED) {
      this.#data = data;
      return;
    }
    this.#collection = typeof collection === "string" ? collectionOf(collection) : collection;
    if (!(this.#collection instanceof Collection)) throw new TypeError("new Record() needs a collection");
    this.#data = { id: "", collectionId: this.#collection.id, collectionName: this.#collection.name };
    for (const field of this.#collection.fields) this.#data[field.name] ??= emptyValue(field);
    this.load(data);
  }

  /** A record as it came from the host. `stored` as `original` in PROTOCOL.md. */
  static received(data: Fields, isNew = false, stored: Fields | null = null): PbRecord {
    const record = new PbRecord(RECEIVED, data);
    record.#isNew = isNew;
    record.#stored = stored;
    if (data.expand) {
      record.#expand = expandedRecords(data.expand as Fields);
      delete data.expand;
    }
    return record;
  }

  get id(): string {
    return this.#data.id ?? "";
  }
  set id(value: string) {
    this.set("id", value);
  }

  get(name: string): any {
    if (name === "expand") return this.#expand ?? {};
    const value = this.#data[name];
    return value === undefined ? null : value;
  }
  getRaw(name: string): any {
    return this.get(name);
  }
  getString(name: string): string {
    return toText(this.#data[name]);
  }
  getInt(name: string): number {
    return toInt(this.#data[name]);
  }
  getInt64(name: string): number {
    return toInt(this.#data[name]);
  }
  getFloat(name: string): number {
    return toFloat(this.#data[name]);
  }
  getBool(name: string): boolean {
    return toBool(this.#data[name]);
  }
  getDateTime(name: string): DateTime {
    return new DateTime(this.#data[name] ?? "");
  }
  getStringSlice(name: string): string[] {
    return toTextList(this.#data[name]);
  }
  getGeoPoint(name: string): { lon: number; lat: number } {
    const { lon, lat } = (this.#data[name] ?? {}) as Fields;
    return { lon: toFloat(lon), lat: toFloat(lat) };
  }
  unmarshalJSONField(name: string, target: Fields): void {
    const value = this.#data[name];
    Object.assign(target, copy(typeof value === "string" ? JSON.parse(value) : value));
  }

  /** Assigns a field. `name+`, `+name` and `name-` add to or take from what is there. */
  set(name: string, value: unknown): void {
    const first = name[0];
    const last = name[name.length - 1];
    if (first === "+" || last === "+" || last === "-") {
      const base = name.slice(first === "+" ? 1 : 0, first === "+" ? undefined : -1);
      this.#assign(base, modified(this.#data[base], plain(value), first === "+" ? "prepend" : last === "+" ? "append" : "remove"));
    } else if (name === "expand") this.setExpand((value ?? {}) as Fields);
    else this.#assign(name, plain(value));
  }
  setRaw(name: string, value: unknown): void {
    this.#assign(name, plain(value));
  }
  setIfFieldExists(name: string, value: unknown): FieldJson | null {
    const field = this.collection().fields.getByName(name.replace(/^\+|[+-]$/g, ""));
    if (field) this.set(name, value);
    return field;
  }
  load(data: Fields): void {
    for (const name of Object.keys(data ?? {})) this.set(name, data[name]);
  }

  #assign(name: string, value: unknown): void {
    const before = (this.#before ??= {});
    if (!(name in before)) before[name] = this.#data[name];
    this.#data[name] = value;
    ((this.#patch ??= {}).set ??= {})[name] = value;
  }

  isNew(): boolean {
    return this.#isNew;
  }
  markAsNew(): void {
    this.#isNew = true;
  }
  markAsNotNew(): void {
    this.#isNew = false;
  }
  pk(): string {
    return this.id;
  }
  lastSavedPK(): string {
    return this.#isNew ? "" : this.original().id;
  }
  /** The record as it is stored. */
  original(): PbRecord {
    return PbRecord.received({ ...this.#data, ...this.#before, ...this.#stored });
  }
  fresh(): PbRecord {
    return PbRecord.received({ ...this.#data });
  }
  clone(): PbRecord {
    const record = PbRecord.received(copy(this.#data), this.#isNew, copy(this.#stored));
    record.#expand = this.#expand;
    record.#before = copy(this.#before);
    record.#patch = copy(this.#patch);
    record.#custom = this.#custom;
    return record;
  }

  collection(): Collection {
    return (this.#collection ??= collectionOf((this.#data.collectionId || this.#data.collectionName) as string));
  }
  get collectionId(): string {
    return this.#data.collectionId ?? "";
  }
  get collectionName(): string {
    return this.#data.collectionName ?? "";
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
    this.#mark("hide", names.flat());
    return this;
  }
  unhide(...names: string[]): this {
    this.#mark("unhide", names.flat());
    return this;
  }
  #mark(how: "hide" | "unhide", names: string[], ours = true): void {
    for (const name of names) {
      (this.#shown ??= new Map()).set(name, how === "unhide");
      if (ours) ((this.#patch ??= {})[how] ??= []).push(name);
    }
  }
  withCustomData(show: boolean): this {
    this.#custom = show;
    (this.#patch ??= {}).custom = show;
    return this;
  }
  ignoreEmailVisibility(show: boolean): this {
    this.#showEmail = show;
    (this.#patch ??= {}).showEmail = show;
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
    return Object.fromEntries(Object.entries(this.#data).filter(([name]) => !known.has(name)));
  }
  publicExport(): Fields {
    const collection = this.collection();
    const out: Fields = { collectionId: this.collectionId, collectionName: this.collectionName };
    for (const { name, hidden } of collection.fields) {
      const secret = hidden || SYSTEM_HIDDEN.has(name)
        || (name === "email" && collection.isAuth() && !this.#showEmail && !this.emailVisibility());
      if (!(this.#shown?.get(name) ?? !secret)) continue;
      out[name] = this.get(name);
    }
    if (this.#custom) Object.assign(out, this.customData());
    if (this.#expand && Object.keys(this.#expand).length > 0) out.expand = this.#expand;
    return out;
  }
  toJSON(): Fields {
    return this.publicExport();
  }
  marshalJSON(): string {
    return JSON.stringify(this);
  }

  // Expanded relations.

  expand(): Fields {
    return this.#expand ?? {};
  }
  setExpand(expand: Fields): void {
    this.#expand = expand;
    (this.#patch ??= {}).expand = expand;
  }
  mergeExpand(expand: Fields): void {
    this.setExpand({ ...this.#expand, ...expand });
  }
  expandedOne(name: string): PbRecord | null {
    const value = this.#expand?.[name];
    return (Array.isArray(value) ? value[0] : value) ?? null;
  }
  expandedAll(name: string): PbRecord[] {
    const value = this.#expand?.[name];
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
    const changed = this.#patch?.set?.password;
    if (typeof changed === "string") return changed === value; // not hashed before it is saved
    const hash = this.getString("password");
    return hash !== "" && guard(password.verify, String(value), hash);
  }
  newAuthToken(): string {
    return this.#token("auth");
  }
  /** A token that cannot be refreshed. `duration` in nanoseconds, as in Go; 0 for the collection's. */
  newStaticAuthToken(duration = 0): string {
    return this.#token("auth", { refreshable: false, ...(duration > 0 ? { duration: Math.round(duration / NS_PER_SECOND) } : {}) });
  }
  newFileToken(): string {
    return this.#token("file");
  }
  newVerificationToken(): string {
    return this.#token("verification");
  }
  newPasswordResetToken(): string {
    return this.#token("passwordReset");
  }
  newEmailChangeToken(newEmail: string): string {
    return this.#token("emailChange", { newEmail });
  }
  #token(kind: string, options: Fields = {}): string {
    return guard(tokens.issue, kind, this.collectionName, this.id, JSON.stringify(options));
  }

  // Between the component and the host; not for scripts.

  /** What has changed since the last call, or undefined. */
  takePatch(): RecordPatch | undefined {
    const patch = this.#patch;
    this.#patch = undefined;
    return patch;
  }

  /** What others have changed; it is not ours to send. */
  applyPatch(patch: RecordPatch): void {
    if (patch.set) {
      const before = (this.#before ??= {});
      for (const name of Object.keys(patch.set)) {
        if (!(name in before)) before[name] = this.#data[name];
        this.#data[name] = patch.set[name];
      }
    }
    if (patch.hide) this.#mark("hide", patch.hide, false);
    if (patch.unhide) this.#mark("unhide", patch.unhide, false);
    if (patch.expand) this.#expand = expandedRecords(patch.expand);
    if (patch.custom !== undefined) this.#custom = patch.custom;
    if (patch.showEmail !== undefined) this.#showEmail = patch.showEmail;
  }

  /** After a save: this is what is stored now. `data`, where the host has told it, replaces the fields. */
  saved(data?: Fields): void {
    if (data) {
      this.#data = data;
      delete data.expand;
    }
    this.#isNew = false;
    this.#before = undefined;
    this.#stored = null;
    if (data) this.#patch = undefined;
  }

  /** Every field. */
  document(): Fields {
    return this.#data;
  }

  /** What a save has to send: id and changed fields, or all of them for a new record. */
  changes(): Fields {
    if (this.#isNew) return this.#data;
    const changed: Fields = { id: this.#before && "id" in this.#before ? this.#before.id : this.id };
    for (const name of Object.keys(this.#before ?? {})) changed[name] = this.#data[name];
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
