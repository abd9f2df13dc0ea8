/**
 * Timers over `hangar:fetch/concurrent.sleep`. What is still waiting when a call has been answered may run later, or
 * never: the host can drop the instance at any time. Work that must outlive a request belongs into a job.
 */
import concurrent from "hangar:fetch/concurrent@0.1.0";

type Callback = (...args: unknown[]) => void;

const running = new Map<number, { cancel(): void }>();
let lastId = 0;

/** Resolves after so many milliseconds; `cancel` makes it never resolve. */
function sleep(milliseconds: number): { done: Promise<unknown>; cancel(): void } {
  const future = concurrent.sleep(Math.min(Math.max(0, Math.floor(Number(milliseconds) || 0)), 0xffff_ffff));
  return {
    done: future.read(),
    cancel() {
      try {
        future.cancelRead();
      } catch {
        // It has just finished; nothing is left to cancel.
      }
    },
  };
}

function start(callback: Callback, milliseconds: number, args: unknown[], repeat: boolean): number {
  if (typeof callback !== "function") throw new TypeError("a timer needs a function");
  const id = ++lastId;
  const round = () => {
    const timer = sleep(repeat ? Math.max(1, milliseconds) : milliseconds);
    running.set(id, timer);
    timer.done.then(
      () => {
        if (!running.has(id)) return;
        if (repeat) round();
        else running.delete(id);
        try {
          callback(...args);
        } catch (error) {
          console.error("a timer's function has failed:", error);
        }
      },
      () => running.delete(id), // cancelled, or past the call's budget
    );
  };
  round();
  return id;
}

export function setTimeout(callback: Callback, milliseconds = 0, ...args: unknown[]): number {
  return start(callback, milliseconds, args, false);
}

export function setInterval(callback: Callback, milliseconds = 0, ...args: unknown[]): number {
  return start(callback, milliseconds, args, true);
}

export function clearTimer(id?: number): void {
  const timer = id === undefined ? undefined : running.get(id);
  if (id === undefined || !timer) return;
  running.delete(id);
  timer.cancel();
}
