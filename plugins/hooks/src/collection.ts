/** PocketBase's `Collection`: what the collections plugin tells about one. What events change of it is in collection-changes.ts. */
import { context, guard, records, revisions } from "./host";

export interface FieldJson { id?: string; name: string; type: string; hidden?: boolean; [option: string]: unknown }
export interface CollectionJson { id: string; name: string; type: string; system?: boolean; fields?: FieldJson[]; indexes?: string[]; [key: string]: unknown }

class FieldsList {
  #fields: FieldJson[];
  constructor(fields: FieldJson[]) {
    this.#fields = fields;
  }
  getByName(name: string): FieldJson | null {
    return this.#fields.find((field) => field.name === name) ?? null;
  }
  getById(id: string): FieldJson | null {
    return this.#fields.find((field) => field.id === id) ?? null;
  }
  fieldNames(): string[] {
    return this.#fields.map(({ name }) => name);
  }
  asMap(): Record<string, FieldJson> {
    return Object.fromEntries(this.#fields.map((field) => [field.name, field]));
  }
  get length(): number {
    return this.#fields.length;
  }
  [Symbol.iterator](): Iterator<FieldJson> {
    return this.#fields[Symbol.iterator]();
  }
  toJSON(): FieldJson[] {
    return this.#fields;
  }
}

export class Collection {
  [property: string]: any;
  declare fields: FieldsList;

  constructor(json: Partial<CollectionJson> = {}) {
    this.load({ id: "", name: "", type: "base", system: false, indexes: [], fields: [], ...json });
  }
  /** Takes over properties. */
  load(json: Partial<CollectionJson>): void {
    const { fields, ...rest } = json;
    Object.assign(this, rest);
    if (fields) this.fields = new FieldsList(fields);
  }
  isBase(): boolean {
    return this.type === "base";
  }
  isAuth(): boolean {
    return this.type === "auth";
  }
  isView(): boolean {
    return this.type === "view";
  }
  tableName(): string {
    return this.name;
  }
  baseFilesPath(): string {
    return this.id;
  }
  pk(): string {
    return this.id;
  }
  isNew(): boolean {
    return !this.created;
  }
  getIndex(name: string): string {
    return this.indexes.find((index: string) => index.includes(`\`${name}\``) || index.includes(`"${name}"`) || new RegExp(`\\bINDEX\\s+(IF NOT EXISTS\\s+)?${name.replace(/\W/g, "\\$&")}\\b`, "i").test(index)) ?? "";
  }
}

const TOPIC = "collections";
let revision = -1;
const cache = new Map<string, Collection>();

/** Kept until the collections plugin says that something has changed. Throws what the host says of an unknown one. */
export function collectionOf(nameOrId: string): Collection {
  const read = () => new Collection(JSON.parse(guard(records.collection, nameOrId)) as CollectionJson);
  // In a transaction that has changed collections nothing cached holds.
  if (context.transactionMarked(TOPIC)) return read();
  const now = revisions.current(TOPIC);
  if (now !== revision) {
    cache.clear();
    revision = now;
  }
  let found = cache.get(nameOrId);
  if (!found) {
    found = read();
    cache.set(found.id, found).set(found.name, found).set(nameOrId, found);
    if (cache.size > 3000) cache.clear(); // names of any case count, so there must be a bound
  }
  return found;
}
