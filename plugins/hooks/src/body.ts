/** Request bodies: JSON, URL-encoded and multipart forms, as `requestInfo().body` and `bindBody` read them. */
import { utf8Decode } from "../../../sdk-js/polyfills/encoding";
import { parseJson } from "../../../sdk-js/polyfills/json";
import { BadRequestError } from "./errors";
import { parsePairs } from "./url-values";

type Fields = Record<string, unknown>;

/** A text of a form as the value it most likely means (pocketbase-compat.md, section 0). */
export function inferred(text: string): unknown {
  if (text === "true") return true;
  if (text === "false") return false;
  if (/^-?\d[-.\d]*$/.test(text)) {
    const number = Number(text);
    if (String(number) === text) return number;
  }
  return text;
}

function fromPairs(pairs: Array<[string, string]>): Fields {
  const fields: Fields = {};
  const merged: Fields = {};
  for (const [name, text] of pairs) {
    if (name === "@jsonPayload") Object.assign(merged, jsonFields(text));
    else if (!Object.hasOwn(fields, name)) fields[name] = inferred(text);
    else if (Array.isArray(fields[name])) (fields[name] as unknown[]).push(inferred(text));
    else fields[name] = [fields[name], inferred(text)];
  }
  return Object.assign(fields, merged);
}

function jsonFields(text: string): Fields {
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch {
    throw new BadRequestError();
  }
  // `null` is what PocketBase hands on as it is.
  if ((parsed !== null && typeof parsed !== "object") || Array.isArray(parsed)) throw new BadRequestError();
  return parsed as Fields;
}

/** The text parts of a multipart body. Files have no place here yet. */
function multipartPairs(bytes: Uint8Array, boundary: string): Array<[string, string]> {
  const text = utf8Decode(bytes);
  const pairs: Array<[string, string]> = [];
  for (const part of text.split(`--${boundary}`).slice(1, -1)) {
    const split = part.indexOf("\r\n\r\n");
    const head = split < 0 ? "" : part.slice(0, split);
    const name = /\bname="([^"]*)"/i.exec(head)?.[1];
    if (name === undefined || /\bfilename="/i.test(head)) continue;
    pairs.push([name, part.slice(split + 4).replace(/\r\n$/, "")]);
  }
  return pairs;
}

/** The fields of a body. Throws 400 where it is not what its content type says. */
export function parseBody(bytes: Uint8Array, contentType: string): Fields {
  if (bytes.length === 0) return {};
  const type = contentType.split(";")[0]!.trim().toLowerCase();
  if (type === "application/json" || type === "") return jsonFields(utf8Decode(bytes));
  if (type === "application/x-www-form-urlencoded") return fromPairs(parsePairs(utf8Decode(bytes)));
  if (type === "multipart/form-data") {
    const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
    if (boundary) return fromPairs(multipartPairs(bytes, boundary));
  }
  throw new BadRequestError();
}

/** `e.request.body`: bytes that `toString()`, `toBytes()` and `readerToString()` understand. */
export class BodyReader {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  toString(): string {
    return utf8Decode(this.bytes);
  }
  close(): void {}
}
