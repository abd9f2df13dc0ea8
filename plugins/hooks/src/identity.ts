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
  const { record, collection, collectionName, collectionId, id, subject } = identity as Fields;
  // `collection` is a name, or an object of id and name.
  const owner = collectionName ?? collectionId ?? (typeof collection === "object" ? collection?.name : collection);
  if (record) {
    record.collectionName ??= owner ?? "";
    record.collectionId ??= collectionId ?? collection?.id ?? "";
    return PbRecord.received(record as Fields);
  }
  if (owner && id) return lookedUp(owner, id);
  const [subjectCollection, subjectId] = String(subject ?? "").split("/");
  return subjectCollection && subjectId ? lookedUp(subjectCollection, subjectId) : null;
}
