/** `$app`. One object for all: inside a transaction the host runs every call in it. */
import { isThenable } from "./chain";
import { Collection, type CollectionJson, collectionOf } from "./collection";
import { db, noRows } from "./db";
import { type Condition, join } from "./dbx";
import { HostError, notAvailable } from "./errors";
import { expandRecord, expandRecords } from "./expand";
import { guard, records, transactions } from "./host";
import { Logger } from "./log";
import { type Fields, PbRecord } from "./record";
import { settings } from "./settings";
import { store } from "./store";

type CollectionRef = string | Collection;

function nameOf(collection: CollectionRef): string {
  return String(typeof collection === "object" ? collection?.name : collection);
}

function received(rows: string): PbRecord[] {
  return (JSON.parse(rows) as Fields[]).map((row) => PbRecord.received(row));
}

function select(collection: CollectionRef, query: Fields): PbRecord[] {
  return received(guard(records.select, nameOf(collection), JSON.stringify(query)));
}

/** The first of what was found, or the error that becomes a 404. */
function first(found: PbRecord[]): PbRecord {
  if (!found[0]) throw noRows();
  return found[0];
}

/** As PocketBase calls it, so that scripts which compare the message keep working. */
function asNoRows(error: unknown): unknown {
  return error instanceof HostError && error.code === "not_found" ? noRows() : error;
}

function checkRecord(record: unknown, what: string): asserts record is PbRecord {
  if (record instanceof Collection) notAvailable(`${what} of a collection`);
  if (!(record instanceof PbRecord)) throw new TypeError(`${what} needs a record`);
}

function save(record: PbRecord, validate: boolean): void {
  checkRecord(record, "$app.save()");
  const options = { isNew: record.isNew(), validate };
  record.saved(JSON.parse(guard(records.save, record.collectionName || record.collectionId, JSON.stringify(record.changes()), JSON.stringify(options))));
}

function runInTransaction<T>(action: (app: typeof functions) => T): T {
  const transaction = guard(transactions.begin);
  const end = (how: "commit" | "rollback") => guard(transactions.Transaction[how], transaction);
  const undo = (error: unknown): never => {
    try {
      end("rollback");
    } catch {
      // Past its deadline it is rolled back already; the first error is the one to tell.
    }
    throw error;
  };
  let result: T;
  try {
    result = action(app);
  } catch (error) {
    return undo(error);
  }
  if (isThenable(result)) {
    return Promise.resolve(result).then((value) => {
      end("commit");
      return value;
    }, undo) as T;
  }
  end("commit");
  return result;
}

const functions = {
  // Records.
  findRecordById(collection: CollectionRef, id: string): PbRecord {
    try {
      return PbRecord.received(JSON.parse(guard(records.find, nameOf(collection), String(id))));
    } catch (error) {
      throw asNoRows(error);
    }
  },
  findRecordsByIds(collection: CollectionRef, ids: string[]): PbRecord[] {
    const wanted = [...new Set(ids)];
    if (wanted.length === 0) return [];
    const params = Object.fromEntries(wanted.map((id, at) => [`i${at}`, id]));
    return select(collection, { filter: wanted.map((_, at) => `id = {:i${at}}`).join(" || "), params });
  },
  findRecordsByFilter(collection: CollectionRef, filter: string, sort = "", limit = 0, offset = 0, params: Fields = {}): PbRecord[] {
    return select(collection, { filter, sort, limit, offset, params });
  },
  findFirstRecordByFilter(collection: CollectionRef, filter: string, params: Fields = {}): PbRecord {
    return first(select(collection, { filter, limit: 1, params }));
  },
  findFirstRecordByData(collection: CollectionRef, field: string, value: unknown): PbRecord {
    return first(select(collection, { filter: `${field} = {:value}`, limit: 1, params: { value } }));
  },
  findAllRecords(collection: CollectionRef, ...conditions: Condition[]): PbRecord[] {
    return select(collection, join(conditions, " && "));
  },
  countRecords(collection: CollectionRef, ...conditions: Condition[]): number {
    return guard(records.count, nameOf(collection), JSON.stringify(join(conditions, " && ")));
  },
  findAuthRecordByEmail(collection: CollectionRef, email: string): PbRecord {
    return first(select(collection, { filter: "email = {:email}", limit: 1, params: { email } }));
  },
  expandRecord,
  expandRecords,

  // Writes.
  save: (record: PbRecord) => save(record, true),
  saveNoValidate: (record: PbRecord) => save(record, false),
  saveWithContext: (_: unknown, record: PbRecord) => save(record, true),
  saveNoValidateWithContext: (_: unknown, record: PbRecord) => save(record, false),
  delete(record: PbRecord): void {
    checkRecord(record, "$app.delete()");
    guard(records.delete, record.collectionName || record.collectionId, record.id);
  },
  deleteWithContext: (_: unknown, record: PbRecord) => functions.delete(record),
  runInTransaction,
  isTransactional: (): boolean => transactions.active(),

  // Collections.
  findCollectionByNameOrId(nameOrId: string): Collection {
    try {
      return collectionOf(String(nameOrId));
    } catch (error) {
      throw asNoRows(error);
    }
  },
  findCachedCollectionByNameOrId: (nameOrId: string): Collection => functions.findCollectionByNameOrId(nameOrId),
  findAllCollections(...types: string[]): Collection[] {
    const all = (JSON.parse(guard(records.collections)) as CollectionJson[]).map((json) => new Collection(json));
    const wanted = types.flat();
    return wanted.length > 0 ? all.filter(({ type }) => wanted.includes(type)) : all;
  },

  // The rest.
  db: () => db,
  concurrentDB: () => db,
  nonconcurrentDB: () => db,
  store: () => store,
  settings,
  logger: () => new Logger(),
  isDev: (): boolean => state.dev,
  isBootstrapped: (): boolean => true,
};

/** What `lifecycle.start` was told. */
export const state = { dev: false };

/** Names that are not there say so when they are called, instead of being "not a function". */
export const app = new Proxy(functions, {
  get(target, name) {
    if (typeof name === "symbol" || name in target || name === "then" || name === "toJSON") return Reflect.get(target, name);
    return () => notAvailable(`$app.${name}()`);
  },
});
