/**
 * JSON from outside. The engine parses by recursion and would run out of stack, which ends the whole instance, so the
 * depth is looked at first where a text has enough brackets to be deep.
 */
export const MAX_DEPTH = 500;

/** Throws a SyntaxError for what is no JSON, or nested deeper than `MAX_DEPTH`. */
export function parseJson(text: string): unknown {
  if (text.length > MAX_DEPTH && depth(text) > MAX_DEPTH) throw new SyntaxError(`the JSON is nested more than ${MAX_DEPTH} deep`);
  return JSON.parse(text);
}

/** The depth, or 0 if there are too few brackets for it to matter. */
function depth(text: string): number {
  let brackets = 0;
  const bracket = /[[{]/g;
  while (brackets <= MAX_DEPTH && bracket.test(text)) brackets++;
  if (brackets <= MAX_DEPTH) return 0;
  let deepest = 0;
  let now = 0;
  // Texts are skipped as a whole; what is broken is left to the parser.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === "[" || token === "{") deepest = Math.max(deepest, ++now);
    else if (token === "]" || token === "}") now--;
    if (deepest > MAX_DEPTH) break;
  }
  return deepest;
}
