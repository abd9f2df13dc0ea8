/** The collection of an event about one, which handlers may change. */
import { Collection, type CollectionJson } from "./collection";

export class TrackedCollection {
  readonly collection: Collection;
  /** Properties as the others in the chain know them. */
  #known: Map<string, string>;

  constructor(json: CollectionJson) {
    this.collection = new Collection(json);
    this.#known = texts(this.collection);
  }

  /** What scripts have changed since it was last asked. */
  take(): Record<string, unknown> | undefined {
    const now = texts(this.collection);
    const changed = [...now].filter(([name, text]) => this.#known.get(name) !== text);
    this.#known = now;
    return changed.length > 0 ? Object.fromEntries(changed.map(([name, text]) => [name, JSON.parse(text)])) : undefined;
  }

  /** What others have changed. */
  load(json: Partial<CollectionJson>): void {
    this.collection.load(json);
    this.#known = texts(this.collection);
  }
}

function texts(collection: Collection): Map<string, string> {
  return new Map(Object.entries(collection).map(([name, value]) => [name, JSON.stringify(value) ?? "null"]));
}
