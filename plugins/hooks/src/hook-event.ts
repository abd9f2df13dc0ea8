/** `e` of hooks, and the text that travels along the chain (PROTOCOL.md). */
import { type Handler, isThenable } from "./chain";
import { Collection, collectionOf } from "./collection";
import { HostError } from "./errors";
import { RequestEvent } from "./event";
import { next } from "./host";
import { type Fields, PbRecord, type RecordPatch } from "./record";
import type { RequestData } from "./request";
import type { ResponsePatch } from "./response";

const SEPARATOR = "\u001e";
/** Keys of the document with a property of their own; all others are plain values of `e`. */
const KNOWN = new Set(["record", "isNew", "original", "request", "error", "records", "collection"]);
const SAVES = /^on(Record|Model)(Create|Update)(Execute|Request)?$/;

interface ListEntry extends RecordPatch { at: number }
interface Patch extends RecordPatch {
  record?: Fields; records?: ListEntry[]; keep?: number[]; event?: Fields; response?: ResponsePatch;
}
interface Document {
  record?: Fields | null; isNew?: boolean; original?: Fields | null; request?: Fields; records?: Fields[]; collection?: Fields;
  error?: { code?: string; message?: string; status?: number; data?: Fields }; [key: string]: any;
}

function isEmpty(value: object): boolean {
  for (const _ in value) return false;
  return true;
}

export class HookEvent extends RequestEvent {
  [key: string]: any;
  readonly #name: string;
  readonly #document: Document;
  /** The text so far: what came, what we have added, what others have answered. */
  #text: string;
  #record: PbRecord | null | undefined;
  #replaced = false;
  #records: PbRecord[] | undefined;
  #received: PbRecord[] | undefined;
  #collection: Collection | undefined;
  #plain: Fields | undefined;
  /** What `next` of the host has thrown. */
  failure: HostError | undefined;

  constructor(name: string, text: string) {
    super();
    this.#name = name;
    this.#text = text;
    const end = text.indexOf(SEPARATOR);
    this.#document = JSON.parse(end < 0 ? text : text.slice(0, end)) as Document;
    for (const key in this.#document) {
      if (KNOWN.has(key)) continue;
      const value = this.#document[key];
      (this.#plain ??= {})[key] = value !== null && typeof value === "object" ? JSON.stringify(value) : value;
      this[key] = value;
    }
    if (end >= 0) this.#applyText(text.slice(end));
  }

  get document(): Document {
    return this.#document;
  }

  // What scripts see.

  get record(): any {
    if (this.#record === undefined) {
      const { record, isNew, original } = this.#document;
      this.#record = record ? PbRecord.received(record, isNew ?? false, original ?? null) : null;
    }
    return this.#record;
  }
  set record(record: any) {
    if (record !== null && !(record instanceof PbRecord)) throw new TypeError("e.record must be a record");
    this.#replaced = record !== this.record;
    this.#record = record;
  }
  get model(): any {
    return this.record ?? this.collection;
  }
  set model(record: any) {
    this.record = record;
  }
  get records(): PbRecord[] {
    return (this.#records ??= [...this.#receivedRecords()]);
  }
  set records(list: PbRecord[]) {
    this.#records = list;
  }
  #receivedRecords(): PbRecord[] {
    return (this.#received ??= (this.#document.records ?? []).map((data) => PbRecord.received(data)));
  }
  get collection(): any {
    if (this.#collection) return this.#collection;
    const { collection, record, records } = this.#document;
    if (collection) return (this.#collection = new Collection(collection));
    const { collectionId, collectionName } = record ?? records?.[0] ?? {};
    return collectionId || collectionName ? (this.#collection = collectionOf(collectionId || collectionName)) : null;
  }
  get error(): any {
    // In request events this is the helper that makes an error.
    const { error, request } = this.#document;
    if (request && !error) return super.error;
    return error ? new HostError(error.code ?? "", error.message ?? "", error.status ?? 0, error.data ?? {}) : null;
  }
  /** `create`, `update`, `delete` or `validate`, of model events. */
  get type(): string {
    return (/Create|Update|Delete|Validate/.exec(this.#name)?.[0] ?? "").toLowerCase();
  }
  get context(): Fields {
    return { value: () => null, err: () => null };
  }

  protected requestData(): RequestData {
    const { method = "", path = "", query = "", headers = "", remoteAddress = "", body = {} } = this.#document.request ?? {};
    return { method, path, query, headers, remoteAddress, body: body as Fields };
  }
  protected identity(): unknown {
    return this.#document.request?.identity ?? null;
  }
  protected override requestContext(): string {
    return (this.#document.request?.context as string) ?? "default";
  }

  // The chain.

  /** The rest of the chain is in other plugins; the host runs it. */
  protected finish(): void {
    const sent = this.#textWithPatch();
    let answer: string;
    try {
      answer = next.call(sent);
    } catch (thrown) {
      this.#text = sent;
      const error = HostError.from(thrown);
      if (error instanceof HostError) this.failure = error;
      throw error;
    }
    if (!answer.startsWith(sent)) throw new Error(`the answer to ${this.#name} does not start with what was sent (PROTOCOL.md, section 1)`);
    this.#text = answer;
    if (answer.length > sent.length) this.#applyText(answer.slice(sent.length));
    if (SAVES.test(this.#name)) this.#record?.saved();
  }

  /** The answer of this plugin. */
  answer(): string {
    return this.#textWithPatch();
  }

  /** Runs the handlers; the answer, or a promise of it. */
  handle(handlers: readonly Handler<any>[]): string | Promise<string> {
    if (this.#name === "onRecordEnrich" && this.#document.records) return this.#enrich(handlers);
    const done = this.run(handlers);
    return isThenable(done) ? Promise.resolve(done).then(() => this.answer()) : this.answer();
  }

  /** One event for all records of a response: the handlers see them one by one. */
  async #enrich(handlers: readonly Handler<any>[]): Promise<string> {
    for (const record of this.#receivedRecords()) {
      const done = new EnrichEvent(this, record).run(handlers);
      if (isThenable(done)) await done;
    }
    this.finish();
    return this.answer();
  }

  #applyText(text: string): void {
    for (const part of text.split(SEPARATOR)) {
      if (part !== "") this.#applyPatch(JSON.parse(part) as Patch);
    }
  }

  #applyPatch(patch: Patch): void {
    if (patch.record) this.#record = PbRecord.received(patch.record);
    if (this.#document.record !== undefined) this.record?.applyPatch(patch);
    for (const entry of patch.records ?? []) this.#receivedRecords()[entry.at]?.applyPatch(entry);
    if (patch.keep) this.#records = patch.keep.flatMap((at) => this.#receivedRecords()[at] ?? []);
    for (const [key, value] of Object.entries(patch.event ?? {})) {
      (this.#plain ??= {})[key] = value !== null && typeof value === "object" ? JSON.stringify(value) : value;
      this[key] = value;
    }
    if (patch.response?.status) this.response.elsewhere(patch.response.status);
  }

  #textWithPatch(): string {
    const patch = this.#takePatch();
    return patch ? this.#text + SEPARATOR + JSON.stringify(patch) : this.#text;
  }

  #takePatch(): Patch | undefined {
    let patch: Patch | undefined;
    if (this.#replaced) {
      this.#replaced = false;
      this.#record?.takePatch();
      patch = { record: this.#record ? this.#record.document() : undefined };
    } else patch = this.#record?.takePatch();
    if (this.#received) patch = this.#takeRecords(patch);
    if (this.#plain) {
      const changed: Fields = {};
      for (const key in this.#plain) {
        const value = this[key] ?? null;
        const text = value !== null && typeof value === "object" ? JSON.stringify(value) : value;
        if (text === this.#plain[key]) continue;
        this.#plain[key] = text;
        changed[key] = value;
      }
      if (!isEmpty(changed)) (patch ??= {}).event = changed;
    }
    const response = this.writer?.takePatch();
    if (response) (patch ??= {}).response = response;
    return patch;
  }

  #takeRecords(patch: Patch | undefined): Patch | undefined {
    const received = this.#receivedRecords();
    const entries: ListEntry[] = [];
    received.forEach((record, at) => {
      const changes = record.takePatch();
      if (changes) entries.push({ at, ...changes });
    });
    if (entries.length > 0) (patch ??= {}).records = entries;
    const list = this.#records;
    if (list && (list.length !== received.length || list.some((record, at) => record !== received[at]))) {
      (patch ??= {}).keep = list.map((record) => received.indexOf(record)).filter((at) => at >= 0);
    }
    return patch;
  }
}

/** One record of `onRecordEnrich`. */
class EnrichEvent extends RequestEvent {
  constructor(readonly whole: HookEvent, public record: PbRecord) {
    super();
  }
  get collection(): Collection {
    return this.record.collection();
  }
  get context(): Fields {
    return this.whole.context;
  }
  override get request() {
    return this.whole.request;
  }
  override get auth() {
    return this.whole.auth;
  }
  override requestInfo(): Fields {
    return this.whole.requestInfo();
  }
  protected requestData(): never {
    throw new Error("an enrich event takes its request from the whole");
  }
  protected identity(): null {
    return null;
  }
  protected finish(): void {}
}
