/** `$app.store()`: JSON values shared by all instances of the plugin on this node. */
import { guard, kv } from "./host";

const PREFIX = "store:";

export const store = {
  get(key: string): any {
    const text = guard(kv.get, PREFIX + key);
    return text === null ? null : JSON.parse(text);
  },
  getOk(key: string): [any, boolean] {
    return [store.get(key), store.has(key)];
  },
  getOrSet(key: string, make: () => unknown): any {
    const text = guard(kv.get, PREFIX + key);
    if (text !== null) return JSON.parse(text);
    const value = make();
    store.set(key, value);
    return value;
  },
  set(key: string, value: unknown): void {
    guard(kv.set, PREFIX + key, JSON.stringify(value) ?? "null", 0);
  },
  setFunc(key: string, change: (old: any) => unknown): void {
    store.set(key, change(store.get(key)));
  },
  setIfLessThanLimit(key: string, value: unknown, limit: number): boolean {
    if (!store.has(key) && store.length() >= limit) return false;
    store.set(key, value);
    return true;
  },
  has: (key: string): boolean => guard(kv.get, PREFIX + key) !== null,
  keys: (): string[] => guard(kv.keys, PREFIX).map((key) => key.slice(PREFIX.length)),
  values: (): any[] => store.keys().map((key) => store.get(key)),
  getAll: (): Record<string, any> => Object.fromEntries(store.keys().map((key) => [key, store.get(key)])),
  length: (): number => guard(kv.keys, PREFIX).length,
  remove(key: string): void {
    guard(kv.delete, PREFIX + key);
  },
  removeAll(): void {
    for (const key of store.keys()) store.remove(key);
  },
  reset(values: Record<string, unknown>): void {
    store.removeAll();
    for (const [key, value] of Object.entries(values ?? {})) store.set(key, value);
  },
};
