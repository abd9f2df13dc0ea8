/** The component: four interfaces over one registry. */
import { isThenable, type Handler } from "./chain";
import { state } from "./app";
import { bootstrap } from "./bootstrap";
import { toApiError, toWitError, ApiError, isApiError } from "./errors";
import { installGlobals } from "./globals";
import { HookEvent } from "./hook-event";
import { random } from "./host";
import { LoadError, Loader, type SourceFile } from "./loader";
import { logFailure, record } from "./log";
import { describe, placeOf } from "./places";
import { seedRandom } from "./random";
import { Registry } from "./registry";
import { RouteEvent } from "./route-event";

let registry = new Registry();
/** False where the process only runs a command, such as an import. */
let serving = true;
installGlobals(() => registry);

/** Evaluates the files. The registry is replaced only if all of them are fine. */
function load(files: SourceFile[]): string {
  const before = registry;
  registry = new Registry();
  try {
    new Loader(files).run();
    registry.close();
    return registry.answer();
  } catch (error) {
    registry = before;
    throw error;
  }
}

/** Why a version of the files cannot serve. */
function refusal(error: unknown): HangarError {
  const message = error instanceof LoadError ? error.message : `${describe(error)} ${placeOf(error)}`.trim();
  return { code: "hook_error", message, status: 0, data: "{}" };
}

const lifecycle = {
  async activate(): Promise<void> {
    // A command changes what is there, before it can be used or while others use it.
    if (!serving) return;
    try {
      await bootstrap(registry);
    } catch (error) {
      throw refusal(error);
    }
  },

  async start(sources: string): Promise<string> {
    seedRandom(random);
    const { files = [], dev = false, command = false } = (sources === "" ? {} : JSON.parse(sources)) as { files?: SourceFile[]; dev?: boolean; command?: boolean };
    state.dev = dev;
    serving = !command;
    let answer: string;
    try {
      answer = load(files);
    } catch (error) {
      throw refusal(error);
    }
    return answer;
  },
};

const crons = {
  async run(id: string): Promise<void> {
    const job = registry.crons.get(id);
    if (!job) throw { code: "not_found", message: `no hook file has the job ${id}`, status: 404, data: "{}" } satisfies HangarError;
    try {
      const done = job.run();
      if (isThenable(done)) await done;
    } catch (error) {
      record("error", "[cronAdd] failed to execute cron job", { error: `${describe(error)} ${placeOf(error)}`.trim(), jobId: id });
    }
  },
};

function failed(where: string, error: unknown): ApiError {
  const shown = toApiError(error);
  if (!isApiError(error)) logFailure(where, error);
  return shown;
}

const httpHandler = {
  async handle(request: HangarHttpRequest): Promise<HangarHttpResponse> {
    const route = registry.route(request.method, request.route);
    if (!route) {
      throw { code: "not_found", message: `no hook file serves ${request.method} ${request.route}`, status: 404, data: "{}" } satisfies HangarError;
    }
    const event = new RouteEvent(request, route);
    try {
      const done = event.run(route.handlers);
      if (isThenable(done)) await done;
      return event.answer();
    } catch (error) {
      const shown = failed(`${request.method} ${route.path}`, error);
      if (event.written()) return event.answer(); // too late to tell the client
      return {
        status: shown.status,
        headers: [["Content-Type", "application/json"]],
        payload: { tag: "text", val: shown.envelope() },
      };
    }
  },
};

const NONE: Handler<any>[] = [];

/** The handlers of an event for a document, in the order they were registered. */
function handlersOf(name: string, { document }: HookEvent): readonly Handler<any>[] {
  const hook = registry.hook(name);
  if (!hook) return NONE;
  if (hook.all) return hook.all;
  const { id, name: collection } = document.collection ?? {};
  const { collectionId = id, collectionName = collection } = document.record ?? document.records?.[0] ?? {};
  const known = document.tags ?? [collectionName, collectionId];
  const found: Handler<any>[] = [];
  for (const { tags, run } of hook.list) {
    if (tags.length === 0 || known.some((tag: string) => tags.includes(tag))) found.push(run);
  }
  return found;
}

const hooksHandler = {
  async handle(handler: string, name: string, document: string, request: string, patches: string): Promise<string> {
    const event = new HookEvent(name, document, request, patches);
    try {
      const answer = event.handle(handlersOf(handler, event));
      return typeof answer === "string" ? answer : await answer;
    } catch (error) {
      if (event.failure && error === event.failure) throw event.failure.toWit();
      failed(name, error);
      throw toWitError(error);
    }
  },
};

// Two of the interfaces are called `handler`; sdk-js/build.mjs tells them apart by their packages.
export { crons, lifecycle, httpHandler, hooksHandler };
