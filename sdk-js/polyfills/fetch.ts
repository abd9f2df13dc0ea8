/** `fetch` over `hangar:fetch/concurrent`: several requests of one call run at once. */
import concurrent from "hangar:fetch/concurrent@0.1.0";
import { type Pairs, Request, type RequestInit, Response } from "./http";

export async function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const called = new Error().stack; // after an await the engine no longer knows who called
  const signal = request.signal;
  signal?.throwIfAborted();
  const future = concurrent.start({
    method: request.method,
    url: request.url,
    headers: [...request.headers] as Pairs,
    body: request.content,
    options: request.redirect === "follow" ? "{}" : JSON.stringify({ redirect: request.redirect }),
  });
  let stop: (() => void) | undefined;
  const aborted = signal && new Promise<never>((_, reject) => {
    stop = () => {
      reject(signal.reason); // before the cancelled read does
      try {
        future.cancelRead();
      } catch {
        // The answer is there already.
      }
    };
    signal.addEventListener("abort", stop);
  });
  let answer;
  try {
    answer = await (aborted ? Promise.race([future.read(), aborted]) : future.read());
  } finally {
    if (stop) signal?.removeEventListener("abort", stop);
  }
  if (answer.tag === "err") {
    const { message, code } = answer.val;
    const error = new TypeError(`fetch ${request.method} ${request.url}: ${message} (${code})`, { cause: answer.val });
    if (called) error.stack = called;
    throw error;
  }
  const { status, headers, body, url } = answer.val;
  const response = new Response(body, { status, headers });
  response.url = url;
  response.redirected = url !== request.url;
  return response;
}
