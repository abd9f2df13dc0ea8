/** `$app.expandRecord()`: follows relation fields, level by level, one query for each. */
import { collectionOf } from "./collection";
import { HostError } from "./errors";
import { guard, records } from "./host";
import type { PbRecord } from "./record";
import { PbRecord as RecordClass } from "./record";

type Fetch = (collection: any, ids: string[]) => PbRecord[];
type Failures = Record<string, Error>;
const MAX_DEPTH = 6;

function fetchByIds(collection: { name: string }, ids: string[]): PbRecord[] {
  const params = Object.fromEntries(ids.map((id, at) => [`i${at}`, id]));
  const query = { filter: ids.map((_, at) => `id = {:i${at}}`).join(" || "), params };
  return (JSON.parse(guard(records.select, collection.name, JSON.stringify(query))) as object[]).map((row) => RecordClass.received(row));
}

function expandOne(list: PbRecord[], path: string[], fetch: Fetch): void {
  const [name, ...rest] = path as [string, ...string[]];
  const owner = list[0];
  if (!owner) return;
  const field = owner.collection().fields.getByName(name);
  if (!field || field.type !== "relation") throw new Error(`${owner.collectionName} has no relation field ${JSON.stringify(name)}`);
  const ids = [...new Set(list.flatMap((record) => record.getStringSlice(name)))];
  if (ids.length === 0) return;
  const found = new Map(fetch(collectionOf(String(field.collectionId)), ids).map((record) => [record.id, record]));
  if (rest.length > 0) expandOne([...found.values()], rest, fetch);
  const multiple = Number(field.maxSelect) > 1;
  for (const record of list) {
    const related = record.getStringSlice(name).flatMap((id) => found.get(id) ?? []);
    if (related.length > 0) record.mergeExpand({ [name]: multiple ? related : related[0] });
  }
}

/** Answers what could not be expanded, by path. */
export function expandRecords(list: PbRecord[], expands: string[], fetch?: Fetch | null): Failures {
  const failures: Failures = {};
  for (const path of expands.flatMap((expand) => expand.split(",")).map((expand) => expand.trim()).filter(Boolean)) {
    const names = path.split(".");
    try {
      if (names.length > MAX_DEPTH) throw new Error(`at most ${MAX_DEPTH} levels are expanded`);
      expandOne(list, names, fetch ?? fetchByIds);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      failures[path] = error instanceof HostError ? new Error(error.message) : error;
    }
  }
  return failures;
}

export function expandRecord(record: PbRecord, expands: string[], fetch?: Fetch | null): Failures {
  return expandRecords([record], expands, fetch);
}
