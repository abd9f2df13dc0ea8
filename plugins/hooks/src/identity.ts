/** The auth record behind the identity document that comes with a request. */
import { HostError } from "./errors";
import { guard, records } from "./host";
import { type Fields, PbRecord } from "./record";

function lookedUp(collection: string, id: string): PbRecord | null {
  try {
    return PbRecord.received(JSON.parse(guard(records.find, collection, id)));
  } catch (error) {
    if (error instanceof HostError && error.code === "not_found") return null;
    throw error;
  }
}

/** `identity` as in PROTOCOL.md, section 2: text or value. */
export function authRecord(identity: unknown): PbRecord | null {
  if (typeof identity === "string") identity = identity === "" ? null : JSON.parse(identity);
  if (!identity || typeof identity !== "object") return null;
  const { record, collectionName, collection, collectionId, id, subject } = identity as Fields;
  if (record) return PbRecord.received(record as Fields);
  const named = collectionName ?? collectionId ?? collection;
  if (named && id) return lookedUp(named, id);
  const [subjectCollection, subjectId] = String(subject ?? "").split("/");
  return subjectCollection && subjectId ? lookedUp(subjectCollection, subjectId) : null;
}
