/**
 * Where in the hook files an error happened. The engine names every evaluated text `<input>`, so each file gets line
 * numbers of its own: it is evaluated behind as many line feeds as all files before it have lines.
 */

/** A line of an evaluated text, as QuickJS and (for the tests) V8 write it. */
const EVALUATED = /<(?:input|anonymous)>:(\d+)/g;

interface Range { path: string; first: number; last: number }
const ranges: Range[] = [];
let end = 0;

/** Reserves lines for a file and answers how many lines must stand before it. */
export function reserve(path: string, text: string): number {
  const before = end;
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  end += lines + 1;
  ranges.push({ path, first: before + 1, last: end });
  return before;
}

export function forgetAll(): void {
  ranges.length = 0;
  end = 0;
}

/** `main.pb.js:12` for a line of the evaluated texts. */
function place(line: number): string | undefined {
  const range = ranges.find(({ first, last }) => line >= first && line <= last);
  return range && `${range.path}:${line - range.first + 1}`;
}

/** The innermost place in a hook file, or "" if the error did not come from one. */
export function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  for (const match of stack.matchAll(EVALUATED)) {
    const found = place(Number(match[1]));
    if (found) return found;
  }
  return "";
}

/** The calls in hook files, one a line; what is inside the component is left out. */
export function traceOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const lines: string[] = [];
  for (const line of stack.split("\n")) {
    const [match] = line.matchAll(EVALUATED);
    const found = match && place(Number(match[1]));
    if (!found) continue;
    const name = /at (?:async )?([\w$.<>]+) \(/.exec(line)?.[1];
    lines.push(name && name !== "<anonymous>" ? `${name} (${found})` : found);
  }
  return lines.slice(0, 20).join("\n");
}

/** `TypeError: x is not a function`, whatever was thrown. */
export function describe(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.name && thrown.name !== "Error" ? `${thrown.name}: ${thrown.message}` : thrown.message;
  try {
    return typeof thrown === "string" ? thrown : (JSON.stringify(thrown) ?? String(thrown));
  } catch {
    return String(thrown);
  }
}
