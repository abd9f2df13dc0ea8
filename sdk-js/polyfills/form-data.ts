/** `Blob` and `FormData`, enough to send forms and files. */
import { bytesOf, utf8Decode, utf8Encode } from "./encoding";

export class Blob {
  readonly content: Uint8Array;
  readonly type: string;
  readonly name?: string;

  constructor(parts: Array<string | ArrayBuffer | ArrayBufferView | Blob> = [], options: { type?: string } = {}) {
    const pieces = parts.map((part) => part instanceof Blob ? part.content : typeof part === "string" ? utf8Encode(part) : bytesOf(part));
    this.content = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      this.content.set(piece, at);
      at += piece.length;
    }
    this.type = String(options.type ?? "").toLowerCase();
  }
  get size(): number {
    return this.content.length;
  }
  async text(): Promise<string> {
    return utf8Decode(this.content);
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.content.slice().buffer as ArrayBuffer;
  }
  slice(start?: number, end?: number, type?: string): Blob {
    return new Blob([this.content.slice(start, end)], { type: type ?? "" });
  }
}

export type FormValue = string | Blob;
interface Entry { name: string; value: FormValue; filename: string }

export class FormData {
  #entries: Entry[] = [];

  append(name: string, value: unknown, filename?: string): void {
    const part = value instanceof Blob ? value : String(value);
    this.#entries.push({ name: String(name), value: part, filename: filename ?? (part instanceof Blob ? (part.name ?? "blob") : "") });
  }
  set(name: string, value: unknown, filename?: string): void {
    this.delete(name);
    this.append(name, value, filename);
  }
  get(name: string): FormValue | null {
    return this.#entries.find((entry) => entry.name === name)?.value ?? null;
  }
  getAll(name: string): FormValue[] {
    return this.#entries.filter((entry) => entry.name === name).map((entry) => entry.value);
  }
  has(name: string): boolean {
    return this.#entries.some((entry) => entry.name === name);
  }
  delete(name: string): void {
    this.#entries = this.#entries.filter((entry) => entry.name !== name);
  }
  *entries(): IterableIterator<[string, FormValue]> {
    for (const entry of this.#entries) yield [entry.name, entry.value];
  }
  [Symbol.iterator](): IterableIterator<[string, FormValue]> {
    return this.entries();
  }
  /** Name, value and file name of every part. */
  get parts(): readonly Entry[] {
    return this.#entries;
  }
}

function quoted(text: string): string {
  return text.replace(/"/g, "%22").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
}

export function encodeMultipart(form: FormData): { bytes: Uint8Array; type: string } {
  const random = globalThis.crypto.getRandomValues(new Uint8Array(16));
  const boundary = `hangar${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  const parts: Array<string | Blob> = [];
  for (const { name, value, filename } of form.parts) {
    parts.push(`--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"`);
    if (value instanceof Blob) {
      parts.push(`; filename="${quoted(filename)}"\r\ncontent-type: ${value.type || "application/octet-stream"}`);
    }
    parts.push("\r\n\r\n", value, "\r\n");
  }
  parts.push(`--${boundary}--\r\n`);
  return { bytes: new Blob(parts).content, type: `multipart/form-data; boundary=${boundary}` };
}
