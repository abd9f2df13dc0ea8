/** `AbortController` and `AbortSignal`, as far as `fetch` and its users need them. */
import { setTimeout } from "./timers";

function named(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}

type Listener = (event: { type: "abort"; target: AbortSignal }) => void;

export class AbortSignal {
  aborted = false;
  reason: unknown = undefined;
  onabort: Listener | null = null;
  #listeners = new Set<Listener>();

  addEventListener(type: string, listener: Listener): void {
    if (type === "abort") this.#listeners.add(listener);
  }

  removeEventListener(type: string, listener: Listener): void {
    if (type === "abort") this.#listeners.delete(listener);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** Used by `AbortController`; not part of the web's interface. */
  fire(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason ?? named("AbortError", "This operation was aborted");
    const event = { type: "abort" as const, target: this };
    this.onabort?.(event);
    for (const listener of [...this.#listeners]) listener(event);
    this.#listeners.clear();
  }

  static abort(reason?: unknown): AbortSignal {
    const signal = new AbortSignal();
    signal.fire(reason);
    return signal;
  }

  static timeout(milliseconds: number): AbortSignal {
    const signal = new AbortSignal();
    setTimeout(() => signal.fire(named("TimeoutError", `The operation took longer than ${milliseconds} ms`)), milliseconds);
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const joined = new AbortSignal();
    for (const signal of signals) {
      if (signal.aborted) joined.fire(signal.reason);
      else signal.addEventListener("abort", () => joined.fire(signal.reason));
    }
    return joined;
  }
}

export class AbortController {
  readonly signal = new AbortSignal();
  abort(reason?: unknown): void {
    this.signal.fire(reason);
  }
}
