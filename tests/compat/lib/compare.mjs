// Compares two normalised answers and explains the difference; reads the list
// of accepted differences.
import { readFileSync } from 'node:fs';

const MAX_LINES = 12;
const MAX_VALUE = 300;

const short = (value) => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text === undefined) return '(absent)';
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}… (${text.length} characters)` : text;
};

function parse(text) {
  try {
    return { json: JSON.parse(text) };
  } catch {
    return null;
  }
}

/** Collects [path, left, right] of every differing leaf. */
function walk(path, left, right, out) {
  if (Object.is(left, right)) return;
  const both = left !== null && right !== null && typeof left === 'object' && typeof right === 'object';
  if (!both || Array.isArray(left) !== Array.isArray(right)) {
    out.push([path, left, right]);
    return;
  }
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    walk(path ? `${path}.${key}` : key, left[key], right[key], out);
  }
}

function explainBody(left, right) {
  const a = parse(left);
  const b = parse(right);
  if (a && b) {
    const out = [];
    walk('', a.json, b.json, out);
    if (out.length > 0) {
      const lines = out.slice(0, MAX_LINES).flatMap(([path, x, y]) => [`  body ${path || '(whole)'}`, `    left:  ${short(x)}`, `    right: ${short(y)}`]);
      if (out.length > MAX_LINES) lines.push(`  … and ${out.length - MAX_LINES} more`);
      return lines;
    }
  }
  let at = 0;
  while (at < left.length && left[at] === right[at]) at += 1;
  const from = Math.max(0, at - 60);
  const why = a && b ? 'same values, other key order or spelling' : 'text';
  return [`  body (${why}), first difference at character ${at}`, `    left:  ${short(left.slice(from))}`, `    right: ${short(right.slice(from))}`];
}

/** Returns {parts: Set of 'status' | 'headers' | 'body', lines: readable explanation}. */
export function compareAnswers(left, right, only = ['status', 'headers', 'body']) {
  const parts = new Set();
  const lines = [];
  if (only.includes('status') && left.status !== right.status) {
    parts.add('status');
    lines.push(`  status   left: ${left.status}   right: ${right.status}`);
  }
  if (only.includes('headers')) {
    for (const name of new Set([...Object.keys(left.headers), ...Object.keys(right.headers)])) {
      if (left.headers[name] === right.headers[name]) continue;
      parts.add('headers');
      lines.push(`  header ${name}   left: ${short(left.headers[name])}   right: ${short(right.headers[name])}`);
    }
  }
  if (only.includes('body') && left.body !== right.body) {
    parts.add('body');
    lines.push(...explainBody(left.body, right.body));
  }
  return { parts, lines };
}

/**
 * The accepted differences: rows of the tables of a Markdown file whose first
 * cell is a step id in backticks (`*` matches anything) and whose second cell
 * names the parts that may differ.
 */
export function parseDifferences(markdown) {
  const found = [];
  for (const line of markdown.split('\n')) {
    const row = /^\|\s*`([^`]+)`\s*\|([^|]*)\|([^|]*)\|/.exec(line);
    if (!row) continue;
    const parts = row[2].split(',').map((part) => part.trim()).filter(Boolean);
    const wrong = parts.find((part) => !['status', 'headers', 'body'].includes(part));
    if (wrong !== undefined || parts.length === 0) throw new Error(`differences: "${row[1]}" names the part "${wrong ?? ''}"; use status, headers, body`);
    const pattern = new RegExp(`^${row[1].split('*').map((text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`, 's');
    found.push({ id: row[1], pattern, parts: new Set(parts), seen: new Set(), ran: false });
  }
  return found;
}

export function readDifferences(file) {
  return parseDifferences(readFileSync(file, 'utf8'));
}

/** Marks what a step used of the list; returns the parts nobody accepted. */
export function unaccepted(list, id, parts) {
  const left = new Set(parts);
  for (const entry of list.filter((one) => one.pattern.test(id))) {
    entry.ran = true;
    for (const part of entry.parts) {
      if (!parts.has(part)) continue;
      entry.seen.add(part);
      left.delete(part);
    }
  }
  return left;
}

/** Entries whose steps ran and which no longer differ in a part they name. */
export function staleEntries(list) {
  return list.filter((entry) => entry.ran).flatMap((entry) => [...entry.parts].filter((part) => !entry.seen.has(part)).map((part) => ({ id: entry.id, part })));
}
