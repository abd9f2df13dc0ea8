/** `$app.settings()`, read-only: a copy, kept until the settings change. */
import { transactions, guard, query, revisions } from "./host";

type Fields = Record<string, any>;

const SELECT = "SELECT value::text FROM hangar_collections.params WHERE key = 'settings'";
const TOPIC = "settings";
let kept: { revision: number; text: string } | undefined;

export function settings(): Fields {
  const revision = revisions.current(TOPIC);
  if (kept?.revision === revision) return JSON.parse(kept.text);
  const [answer] = guard(query.query, [{ sql: SELECT, params: [] }]);
  const text = JSON.parse(answer as string).rows[0]?.[0] ?? "{}";
  // What a transaction sees may never come to be.
  if (!transactions.active()) kept = { revision, text };
  return JSON.parse(text);
}
