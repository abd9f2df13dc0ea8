/**
 * Handlers around an action. `next` is synchronous as in PocketBase; a handler may be asynchronous all the same, and
 * then what it returns is waited for, by the handler around it (`await e.next()`) or, failing that, by the chain.
 */

export type Handler<E> = (event: E) => unknown;

interface Thenable { then(resolve: (value: unknown) => unknown, reject?: (reason: unknown) => unknown): unknown }

export function isThenable(value: unknown): value is Thenable {
  return value !== null && typeof value === "object" && typeof (value as Thenable).then === "function";
}

/** A promise that knows whether somebody waits for it. */
class Watched {
  observed = false;
  readonly promise: Promise<unknown>;
  constructor(promise: Thenable) {
    this.promise = Promise.resolve(promise);
    this.promise.catch(() => {}); // reported by whoever waits, at the latest by the chain
  }
  then(resolve?: (value: unknown) => unknown, reject?: (reason: unknown) => unknown): Promise<unknown> {
    this.observed = true;
    return this.promise.then(resolve, reject);
  }
  catch(reject: (reason: unknown) => unknown): Promise<unknown> {
    return this.then(undefined, reject);
  }
  finally(done: () => void): Promise<unknown> {
    this.observed = true;
    return this.promise.finally(done);
  }
}

export abstract class Chained {
  // Declared, not initialised: defining a field costs as much as a call in this engine, and events are made per call.
  private declare _handlers: readonly Handler<any>[];
  private declare _at: number;
  private declare _inner: Watched | undefined;

  /** What lies behind the last handler. */
  protected abstract finish(): unknown;

  /** Runs the chain; answers a promise only if a handler was asynchronous. */
  run(handlers: readonly Handler<any>[]): unknown {
    this._handlers = handlers;
    this._at = -1;
    return this._step();
  }

  private _step(): unknown {
    const at = ++this._at;
    const handler = this._handlers[at];
    if (!handler) {
      if (at > this._handlers.length) throw new Error("e.next() has been called more than once");
      return this.finish();
    }
    const result = handler(this);
    if (result instanceof Error) throw result; // `return e.notFoundError()` is as good as throwing it
    const inner = this._inner;
    this._inner = undefined;
    if (isThenable(result)) return this._settle(result, inner);
    // A synchronous handler around an asynchronous one: it is done when the inner one is.
    return inner && !inner.observed ? inner.promise.then(() => result) : result;
  }

  private async _settle(result: Thenable, before: Watched | undefined): Promise<unknown> {
    const value = await result;
    if (value instanceof Error) throw value;
    const inner = before ?? this._inner;
    if (inner && !inner.observed) await inner.promise;
    return value;
  }

  /** Runs the handlers after this one and the action. */
  next(): unknown {
    const result = this._step();
    if (!isThenable(result)) return result;
    this._inner = new Watched(result);
    return this._inner;
  }
}
