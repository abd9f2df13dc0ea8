/** `onBootstrap`: once for each version of the hook files, before it serves. */
import { app } from "./app";
import { Chained, type Handler } from "./chain";
import { log } from "./log";
import type { Registry } from "./registry";

/** Events PocketBase has and Hangar does not raise (docs/differences.md). */
const NEVER = ["onBootstrapClear", "onTerminate", "onBackupRestore"];

class BootstrapEvent extends Chained {
  readonly app = app;
  /** Behind the last handler there is nothing: the application is there already. */
  protected finish(): void {}
}

export async function bootstrap(registry: Registry): Promise<void> {
  for (const name of NEVER) {
    if (registry.hook(name)) log("warn", `${name} is not raised in Hangar: its handlers are never called`);
  }
  const handlers = registry.hook("onBootstrap")?.list.map(({ run }) => run as Handler<any>) ?? [];
  if (handlers.length > 0) await new BootstrapEvent().run(handlers);
}
