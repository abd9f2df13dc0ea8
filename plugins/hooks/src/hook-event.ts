/** `e` of hooks, and the patches that travel along the chain (PROTOCOL.md). */
import { type Handler, isThenable } from "./chain";
import { type Collection, type CollectionJson, collectionOf } from "./collection";
import { TrackedCollection } from "./collection-changes";
import { HostError } from "./errors";
import { RequestEvent } from "./event";
import { next } from "./host";
import { type ClientJson, RealtimeClient } from "./realtime";
import { type MessageFate, type MessageJson, MessageEvent } from "./realtime-message";
import { type Fields, PbRecord, type RecordPatch } from "./record";
import type { RequestData } from "./request";
import type { ResponsePatch } from "./response";

const SEPARATOR = "\u001e";
/** Keys of the document with a property of their own; all others are plain values of `e`. */
const KNOWN: Fields = { __proto__: null, record: 1, isNew: 1, original: 1, error: 1, records: 1, collection: 1, client: 1, fileField: 1, tags: 1, messages: 1 };
/** Events whose action is a save. */
const SAVES = new Set(["Record", "Model"].flatMap((kind) => ["Create", "Update"].flatMap((verb) =>
  ["", "Execute", "Request"].map((suffix) => `on${kind}${verb}${suffix}`))));

interface ListEntry extends RecordPatch { at: number }
interface Patch extends RecordPatch {
  record?: Fields; records?: ListEntry[]; keep?: number[]; event?: Fields; response?: ResponsePatch; messages?: MessageFate[];
}
interface Document {
  record?: Fields | null; isNew?: boolean; original?: Fields | null; records?: Fields[]; collection?: Fields;
  client?: ClientJson; fileField?: string; messages?: MessageJson[]; tags?: string[];
  error?: { code?: string; message?: string; status?: number; data?: Fields }; [key: string]: any;
}

function isEmpty(value: object): boolean {
  for (const _ in value) return false;
  return true;
}

export class HookEvent extends RequestEvent {
  [key: string]: any;
  private declare readonly _name: string;
  private declare readonly _document: Document;
  /** The request it happens in: its text until somebody looks, since few handlers do. */
  private declare _request_: Fields | string;
  private declare _record: PbRecord | null | undefined;
  private declare _replaced: boolean | undefined;
  private declare _records: PbRecord[] | undefined;
  private declare _received: PbRecord[] | undefined;
  private declare _collection: Collection | undefined;
  private declare _tracked: TrackedCollection | undefined;
  private declare _client: RealtimeClient | undefined;
  private declare _plain: Fields | undefined;
  private declare _kept: string | undefined;
  /** What handlers have made of messages, until it is sent. */
  private declare _fates: MessageFate[] | undefined;
  /** What `next` of the host has thrown. */
  declare failure: HostError | undefined;

  constructor(name: string, document: string, request = "", patches = "") {
    super();
    this._name = name;
    this._request_ = request;
    this._document = JSON.parse(document) as Document;
    for (const key in this._document) {
      if (key in KNOWN) continue;
      const value = this._document[key];
      (this._plain ??= {})[key] = value !== null && typeof value === "object" ? JSON.stringify(value) : value;
      this[key] = value;
    }
    const { error } = this._document;
    // In all other events `e.error` is the helper that makes an error.
    if (error) this.error = new HostError(error.code ?? "", error.message ?? "", error.status ?? 0, error.data ?? {}) as any;
    this._applyPatches(patches);
  }

  get document(): Document {
    return this._document;
  }

  // What scripts see.

  get record(): any {
    if (this._record === undefined) {
      const { record, isNew, original } = this._document;
      this._record = record ? PbRecord.received(record, isNew ?? false, original ?? null) : null;
    }
    return this._record;
  }
  set record(record: any) {
    if (record !== null && !(record instanceof PbRecord)) throw new TypeError("e.record must be a record");
    this._replaced = record !== this.record;
    this._record = record;
  }
  get model(): any {
    return this.record ?? this.collection;
  }
  set model(record: any) {
    this.record = record;
  }
  get records(): PbRecord[] {
    return (this._records ??= [...this._receivedRecords()]);
  }
  set records(list: PbRecord[]) {
    this._records = list;
  }
  private _receivedRecords(): PbRecord[] {
    return (this._received ??= (this._document.records ?? []).map((data) => PbRecord.received(data)));
  }
  get collection(): any {
    if (this._collection) return this._collection;
    const { collection, record, records } = this._document;
    if (collection) return (this._tracked ??= new TrackedCollection(collection as CollectionJson)).collection;
    const { collectionId, collectionName } = record ?? records?.[0] ?? {};
    return collectionId || collectionName ? (this._collection = collectionOf(collectionId || collectionName)) : null;
  }
  /** Of realtime's events. */
  get client(): RealtimeClient | null {
    const { client } = this._document;
    return client ? (this._client ??= new RealtimeClient(client)) : null;
  }
  /** The field of a file that is asked for. */
  get fileField(): Fields | null {
    const name = this._document.fileField;
    return name ? { ...this.collection?.fields.getByName(name), getName: () => name } : null;
  }
  /** The same event under the name it has in PocketBase, where hooks know the request by it only. */
  get requestEvent(): this {
    return this;
  }
  /** `create`, `update`, `delete` or `validate`, of model events. */
  get type(): string {
    return (/Create|Update|Delete|Validate/.exec(this._name)?.[0] ?? "").toLowerCase();
  }
  get context(): Fields {
    return { value: () => null, err: () => null };
  }

  private _requestDocument(): Fields {
    const request = this._request_;
    if (typeof request !== "string") return request;
    return (this._request_ = request === "" ? {} : (JSON.parse(request) as Fields));
  }
  protected requestData(): RequestData {
    const { method = "", path = "", query = "", headers = "", remoteAddress = "", body = {} } = this._requestDocument();
    return { method, path, query, headers, remoteAddress, body: body as Fields };
  }
  protected rawQuery(): string {
    return this._requestDocument().query ?? "";
  }
  protected identity(): unknown {
    return this._requestDocument().identity ?? null;
  }
  protected override requestContext(): string {
    return this._requestDocument().context ?? "default";
  }

  // The chain.

  /** The rest of the chain is in other plugins; the host runs it. */
  protected finish(): void {
    let patches: string;
    try {
      patches = next.call(this.answer());
    } catch (thrown) {
      const error = HostError.from(thrown);
      if (error instanceof HostError) this.failure = error;
      throw error;
    }
    this._applyPatches(patches);
    if (this._record && SAVES.has(this._name)) this._record.saved();
  }

  /** The patch of what handlers have changed since the last one, as text; empty if that is nothing. */
  answer(): string {
    const patch = this._takePatch();
    return patch ? JSON.stringify(patch) : "";
  }

  /** Runs the handlers; the answer, or a promise of it. */
  handle(handlers: readonly Handler<any>[]): string | Promise<string> {
    if (this._name === "onRecordEnrich" && this._document.records) return this._enrich(handlers);
    if (this._document.messages) return this._screen(handlers, this._document.messages);
    const done = this.run(handlers);
    return isThenable(done) ? Promise.resolve(done).then(() => this.answer()) : this.answer();
  }

  /** One event for all records of a response: the handlers see them one by one. */
  private async _enrich(handlers: readonly Handler<any>[]): Promise<string> {
    for (const record of this._receivedRecords()) {
      const done = new EnrichEvent(this, record).run(handlers);
      if (isThenable(done)) await done;
    }
    this.finish();
    return this.answer();
  }

  private _applyPatches(patches: string): void {
    if (patches === "") return;
    for (const patch of patches.split(SEPARATOR)) this._applyPatch(JSON.parse(patch) as Patch);
  }

  /** One event for many messages: the handlers see them one by one. */
  private async _screen(handlers: readonly Handler<any>[], messages: MessageJson[]): Promise<string> {
    const fates: MessageFate[] = [];
    for (const [at, message] of messages.entries()) {
      const fate = await new MessageEvent(message).decide(handlers);
      if (fate) fates.push({ at, ...fate });
    }
    if (fates.length > 0) this._fates = fates;
    this.finish();
    return this.answer();
  }

  private _applyPatch(patch: Patch): void {
    if (patch.record) this._record = PbRecord.received(patch.record);
    if (this._document.record !== undefined) this.record?.applyPatch(patch);
    if (patch.records) for (const entry of patch.records) this._receivedRecords()[entry.at]?.applyPatch(entry);
    if (patch.messages) for (const fate of patch.messages) Object.assign(this._document.messages?.[fate.at] ?? {}, fate);
    if (patch.keep) this._records = patch.keep.flatMap((at) => this._receivedRecords()[at] ?? []);
    for (const key in patch.event) {
      const value = patch.event[key];
      if (key === "collection") {
        if (this.collection) this._tracked?.load(value);
        continue;
      }
      (this._plain ??= {})[key] = value !== null && typeof value === "object" ? JSON.stringify(value) : value;
      this[key] = value;
    }
    if (patch.response?.status) this.response.elsewhere(patch.response.status);
  }

  private _takePatch(): Patch | undefined {
    let patch: Patch | undefined;
    if (this._replaced) {
      this._replaced = false;
      this._record?.takePatch();
      patch = { record: this._record ? this._record.document() : undefined };
    } else patch = this._record?.takePatch();
    if (this._received) patch = this._takeRecords(patch);
    if (this._plain) {
      const changed: Fields = {};
      for (const key in this._plain) {
        const value = this[key] ?? null;
        const text = value !== null && typeof value === "object" ? JSON.stringify(value) : value;
        if (text === this._plain[key]) continue;
        this._plain[key] = text;
        changed[key] = value;
      }
      if (!isEmpty(changed)) (patch ??= {}).event = changed;
    }
    const collection = this._tracked?.take();
    if (collection) ((patch ??= {}).event ??= {}).collection = collection;
    if (this._fates) {
      (patch ??= {}).messages = this._fates;
      this._fates = undefined;
    }
    const response = this.writer?.takePatch();
    if (response) (patch ??= {}).response = response;
    return patch;
  }

  private _takeRecords(patch: Patch | undefined): Patch | undefined {
    const received = this._receivedRecords();
    const entries: ListEntry[] = [];
    received.forEach((record, at) => {
      const changes = record.takePatch();
      if (changes) entries.push({ at, ...changes });
    });
    if (entries.length > 0) (patch ??= {}).records = entries;
    const list = this._records;
    if (list && (list.length !== received.length || list.some((record, at) => record !== received[at]))) {
      const keep = list.map((record) => received.indexOf(record)).filter((at) => at >= 0);
      const text = keep.join();
      if (text !== this._kept) (patch ??= {}).keep = keep;
      this._kept = text;
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
  protected rawQuery(): string {
    return this.whole.request.url.rawQuery;
  }
  protected identity(): null {
    return null;
  }
  protected finish(): void {}
}
