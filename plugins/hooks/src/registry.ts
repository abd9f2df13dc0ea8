/** What the hook files ask for while they are loaded: routes, middlewares, hooks, crons. */
import { isIdentifierLike } from "./names";
import type { Chained, Handler } from "./chain";

export interface Middleware { run: Handler<any>; priority: number; id: string }
export interface Route { method: string; path: string; names: string[]; handlers: Handler<any>[] }
export interface Subscription { run: Handler<any>; tags: string[] }

/** The handlers of an event; `all` if none of them asks for tags. */
export interface Hook { list: Subscription[]; all?: Handler<any>[] }

interface RawRoute { method: string; path: string; handler: Handler<any>; middlewares: Middleware[] }

/** `new Middleware(fn, priority, id)`, PocketBase's way to give a middleware a place. */
export class MiddlewareSpec {
  constructor(readonly func: Handler<any>, readonly priority = 0, readonly id = "") {}
}

function toMiddleware(value: unknown): Middleware {
  if (typeof value === "function") return { run: value as Handler<any>, priority: 0, id: "" };
  if (value instanceof MiddlewareSpec && typeof value.func === "function") {
    return { run: value.func, priority: Number(value.priority) || 0, id: String(value.id) };
  }
  throw new TypeError("a middleware must be a function or a Middleware");
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export class Registry {
  /** Only while the files are loaded: every instance has to register the same. */
  open = true;
  #hooks = new Map<string, Hook>();
  readonly crons = new Map<string, { expression: string; run: () => unknown }>();
  #raw: RawRoute[] = [];
  #global: Middleware[] = [];
  #routes = new Map<string, Route>();

  #check(what: string): void {
    if (!this.open) throw new Error(`${what} works only while the hook files are loaded, not inside a handler`);
  }

  addRoute(method: string, path: string, handler: unknown, ...middlewares: unknown[]): void {
    this.#check("routerAdd");
    if (typeof path !== "string" || !path.startsWith("/")) throw new TypeError(`routerAdd: ${JSON.stringify(path)} is no path; it must start with "/"`);
    if (typeof handler !== "function") throw new TypeError(`routerAdd ${method} ${path}: the handler must be a function`);
    const verb = String(method ?? "").toUpperCase();
    for (const one of verb === "" || verb === "ANY" ? METHODS : [verb]) {
      if (!/^[A-Z]+$/.test(one)) throw new TypeError(`routerAdd: ${JSON.stringify(method)} is no method`);
      if (this.#raw.some((route) => route.method === one && route.path === path)) throw new Error(`the route ${one} ${path} is there already`);
      this.#raw.push({ method: one, path, handler: handler as Handler<any>, middlewares: middlewares.map(toMiddleware) });
    }
  }

  use(...middlewares: unknown[]): void {
    this.#check("routerUse");
    this.#global.push(...middlewares.map(toMiddleware));
  }

  addHook(event: string, handler: unknown, tags: unknown[]): void {
    this.#check(event);
    if (typeof handler !== "function") throw new TypeError(`${event}: the handler must be a function`);
    const hook = this.#hooks.get(event) ?? { list: [] };
    hook.list.push({ run: handler as Handler<Chained>, tags: tags.map(String).filter(Boolean) });
    this.#hooks.set(event, hook);
  }

  addCron(id: string, expression: string, handler: unknown): void {
    this.#check("cronAdd");
    if (!isIdentifierLike(id)) throw new TypeError("cronAdd: the id must be a text");
    if (typeof handler !== "function") throw new TypeError(`cronAdd ${id}: the handler must be a function`);
    this.crons.set(id, { expression: String(expression), run: handler as () => unknown });
  }

  removeCron(id: string): void {
    this.#check("cronRemove");
    this.crons.delete(String(id));
  }

  /** Ends the loading: sorts middlewares by priority, in front of the handler. */
  close(): void {
    this.open = false;
    for (const hook of this.#hooks.values()) {
      if (hook.list.every(({ tags }) => tags.length === 0)) hook.all = hook.list.map(({ run }) => run);
    }
    for (const { method, path, handler, middlewares } of this.#raw) {
      const chain = [...this.#global, ...middlewares].sort((a, b) => a.priority - b.priority);
      const names = Array.from(path.matchAll(/\{([^}]+?)(?:\.\.\.)?\}/g), (match) => match[1] as string).filter((name) => name !== "$");
      this.#routes.set(`${method} ${path}`, { method, path, names, handlers: [...chain.map(({ run }) => run), handler] });
    }
  }

  hook(event: string): Hook | undefined {
    return this.#hooks.get(event);
  }

  route(method: string, path: string): Route | undefined {
    return this.#routes.get(`${method} ${path}`);
  }

  /** The answer of `lifecycle.start`. */
  answer(): string {
    return JSON.stringify({
      routes: [...this.#routes.values()].map(({ method, path }) => ({ method, path })),
      hooks: [...this.#hooks].map(([event, { list }]) => ({
        event,
        tags: list.some(({ tags }) => tags.length === 0) ? [] : [...new Set(list.flatMap(({ tags }) => tags))],
        handler: event,
      })),
      crons: [...this.crons].map(([id, { expression }]) => ({ id, expression })),
    });
  }
}
