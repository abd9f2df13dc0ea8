/** `$http.send()`: waits for the answer, as in PocketBase. */
import { utf8Decode } from "../../../sdk-js/polyfills/encoding";
import { encodeBody } from "../../../sdk-js/polyfills/http";
import { parseJson } from "../../../sdk-js/polyfills/json";
import { client, guard } from "./host";
import { BodyReader } from "./body";

interface SendConfig {
  url: string; method?: string; headers?: Record<string, string>; body?: any; data?: unknown; timeout?: number;
}

class SendResult {
  readonly statusCode: number;
  readonly headers: Record<string, string[]> = {};
  readonly body: Uint8Array;
  #raw: string | undefined;

  constructor(answer: HangarFetchResponse) {
    this.statusCode = answer.status;
    this.body = Uint8Array.from(answer.body);
    for (const [name, value] of answer.headers) (this.headers[canonical(name)] ??= []).push(value);
  }
  get raw(): string {
    return (this.#raw ??= utf8Decode(this.body));
  }
  /** The parsed body, null if it is no JSON. */
  get json(): any {
    try {
      return parseJson(this.raw);
    } catch {
      return null;
    }
  }
  get cookies(): Record<string, { name: string; value: string }> {
    const cookies: Record<string, { name: string; value: string }> = {};
    for (const line of this.headers["Set-Cookie"] ?? []) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      if (at > 0) cookies[pair.slice(0, at).trim()] = { name: pair.slice(0, at).trim(), value: pair.slice(at + 1).trim() };
    }
    return cookies;
  }
}

/** `content-type` → `Content-Type`, as Go has its names. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

export const http = {
  send(config: SendConfig): SendResult {
    const { bytes, type } = config.data !== undefined && config.data !== null && config.body === undefined
      ? encodeBody(JSON.stringify(config.data))
      : encodeBody(config.body instanceof BodyReader ? config.body.bytes : config.body);
    const headers = Object.entries(config.headers ?? {}).map(([name, value]): [string, string] => [name, String(value)]);
    if (!headers.some(([name]) => name.toLowerCase() === "content-type")) {
      headers.push(["content-type", type.startsWith("multipart/") ? type : "application/json"]);
    }
    return new SendResult(guard(client.send, {
      method: String(config.method ?? "GET").toUpperCase() || "GET",
      url: String(config.url), headers, body: bytes,
      options: JSON.stringify({ timeoutMs: Math.round((Number(config.timeout) || 120) * 1000) }),
    }));
  },
};
