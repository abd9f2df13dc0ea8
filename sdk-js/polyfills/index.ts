/**
 * The parts of the web platform that QuickJS lacks, over Hangar's own interfaces. Importing this file installs what is
 * missing; what the engine already has stays. A plugin's world needs `hangar:fetch/concurrent`, `hangar:crypto/random`
 * and `hangar:crypto/digest`.
 */
import URL from "core-js-pure/web/url";
import URLSearchParams from "core-js-pure/web/url-search-params";
import structuredClone from "core-js-pure/web/structured-clone";
import { AbortController, AbortSignal } from "./abort";
import { crypto } from "./crypto";
import { TextDecoder, TextEncoder } from "./encoding";
import { fetch } from "./fetch";
import { Blob, FormData } from "./form-data";
import { Headers, Request, Response } from "./http";
import { clearTimer, setInterval, setTimeout } from "./timers";

function install(values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    if (name in globalThis) continue;
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
}

install({
  AbortController, AbortSignal, Blob, FormData, Headers, Request, Response, TextDecoder, TextEncoder, URL, URLSearchParams,
  clearInterval: clearTimer, clearTimeout: clearTimer, crypto, fetch, setInterval, setTimeout, structuredClone,
});
