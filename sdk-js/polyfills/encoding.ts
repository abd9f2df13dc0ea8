/**
 * UTF-8. The engine has no native converter, so the common cases go through its native string functions, which are
 * several times faster than a loop in JavaScript.
 */

const CHUNK = 8192;

/** One character per byte. */
export function bytesToLatin1(bytes: Uint8Array): string {
  if (bytes.length <= CHUNK) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  let text = "";
  for (let i = 0; i < bytes.length; i += CHUNK) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + CHUNK) as unknown as number[]);
  }
  return text;
}

const fromBase64 = (Uint8Array as { fromBase64?(text: string): Uint8Array }).fromBase64?.bind(Uint8Array);

/** One byte per character; the text must have none above U+00FF. */
export function latin1ToBytes(text: string): Uint8Array {
  // The detour is native both ways: 64 KiB take 1 ms, the loop 8.
  if (fromBase64 && text.length > 32) return fromBase64(btoa(text));
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function utf8Encode(text: string): Uint8Array {
  if (/^[\x00-\x7f]*$/.test(text)) return latin1ToBytes(text);
  const whole = (text as { toWellFormed?(): string }).toWellFormed?.() ?? text;
  return latin1ToBytes(unescape(encodeURIComponent(whole)));
}

/** `fatal`: throw a TypeError on malformed input instead of writing U+FFFD. */
export function utf8Decode(bytes: Uint8Array, fatal = false): string {
  const text = bytesToLatin1(bytes);
  if (!/[\x80-\xff]/.test(text)) return text;
  try {
    return decodeURIComponent(escape(text));
  } catch {
    if (fatal) throw new TypeError("The encoded data was not valid UTF-8");
    return decodeLossy(bytes);
  }
}

function decodeLossy(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i] as number;
    const length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
    let taken = 1;
    while (taken < length && ((bytes[i + taken] ?? 0) & 0xc0) === 0x80) taken++;
    let piece = "\ufffd";
    if (length > 0 && taken === length) {
      try {
        piece = decodeURIComponent(escape(bytesToLatin1(bytes.subarray(i, i + length))));
      } catch {
        piece = "\ufffd"; // overlong, or a surrogate
      }
    }
    text += piece;
    i += taken;
  }
  return text;
}

/** Bytes of an ArrayBuffer or a view, without copying. */
export function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}

export class TextEncoder {
  readonly encoding = "utf-8";
  encode(text = ""): Uint8Array {
    return utf8Encode(String(text));
  }
  encodeInto(text: string, target: Uint8Array): { read: number; written: number } {
    let read = 0;
    let written = 0;
    for (const character of text) {
      const bytes = utf8Encode(character);
      if (written + bytes.length > target.length) break;
      target.set(bytes, written);
      written += bytes.length;
      read += character.length;
    }
    return { read, written };
  }
}

export class TextDecoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  #rest = new Uint8Array(0);

  constructor(label = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    if (!/^(utf-?8|unicode-1-1-utf-8)$/i.test(label.trim())) throw new RangeError(`TextDecoder knows only UTF-8, not ${label}`);
    this.fatal = options.fatal ?? false;
    this.ignoreBOM = options.ignoreBOM ?? false;
  }

  decode(data?: ArrayBuffer | ArrayBufferView, options: { stream?: boolean } = {}): string {
    let bytes = data ? bytesOf(data) : new Uint8Array(0);
    if (this.#rest.length > 0) {
      const joined = new Uint8Array(this.#rest.length + bytes.length);
      joined.set(this.#rest);
      joined.set(bytes, this.#rest.length);
      bytes = joined;
      this.#rest = new Uint8Array(0);
    }
    if (options.stream) {
      const keep = unfinished(bytes);
      this.#rest = bytes.slice(bytes.length - keep);
      bytes = bytes.subarray(0, bytes.length - keep);
    }
    const text = utf8Decode(bytes, this.fatal);
    return !this.ignoreBOM && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }
}

/** How many bytes at the end belong to a character that is not complete yet. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}
