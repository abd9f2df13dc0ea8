// Reads case files. The format is described in README.md.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { multipart } from './forms.mjs';

const REQUEST = /^([A-Z]+|\{\{row\}\})\s+(\S.*?)(?:\s+as\s+([\w-]+|\{\{row\}\}))?$/;
const HEADER = /^([A-Za-z][A-Za-z0-9-]*):\s*(.*)$/;
const QUERY = /^\?\s*([^\s=]+)\s*=\s?(.*)$/;
const CAPTURE = /^>\s*([\w.-]+)\s*=\s*(\S+)$/;
const MASK = /^~\s*(\S+)$/;
const OPTION = /^!\s*(\w+)\s*(.*)$/;
const ROW = /^\|(?:\s(?:(\S.*?)\s+::\s)?(.*))?$/;

class CaseError extends Error {
  constructor(file, line, what) {
    super(`${basename(file)}:${line}: ${what}`);
  }
}

function newStep(name) {
  return { name, method: '', path: '', as: 'guest', query: [], headers: [], body: null, captures: [], masks: [], options: {}, rows: null };
}

/** Replaces `{{row}}` everywhere in one step; a row used nowhere is the body. */
function applyRow(step, { label, value }) {
  let used = false;
  const put = (text) => {
    if (text === null || !text.includes('{{row}}')) return text;
    used = true;
    return text.replaceAll('{{row}}', () => value);
  };
  const copy = {
    ...step,
    name: `${step.name}/${label ?? value}`,
    method: put(step.method),
    path: put(step.path),
    as: put(step.as),
    query: step.query.map(([key, text]) => [key, put(text)]),
    headers: step.headers.map(([key, text]) => [key, put(text)]),
    body: put(step.body),
    rows: null,
  };
  if (!used) copy.body = value;
  return copy;
}

/** The same row may stand in a table twice on purpose; the second becomes `name (2)`. */
function numberRepeats(steps) {
  const counts = new Map();
  for (const step of steps) {
    const count = (counts.get(step.name) ?? 0) + 1;
    counts.set(step.name, count);
    if (count > 1) step.name += ` (${count})`;
  }
  return steps;
}

/** Parses the text of a case file into {name, server, steps[]}. */
export function parseCases(file, text) {
  const result = { name: basename(file).replace(/\.http$/, ''), server: {}, steps: [] };
  let step = null;
  let inBody = false;
  const finish = (line) => {
    if (!step) return;
    if (!step.method) throw new CaseError(file, line, `step "${step.name}" has no request line`);
    if (step.body !== null) step.body = step.body.trimEnd();
    if (step.rows) result.steps.push(...numberRepeats(step.rows.map((row) => applyRow(step, row))));
    else result.steps.push(step);
    step = null;
  };
  const lines = text.split('\n');
  lines.forEach((raw, index) => {
    const line = raw.trimEnd();
    const number = index + 1;
    let match;
    if (line.startsWith('### ')) {
      finish(number);
      step = newStep(line.slice(4).trim());
      inBody = false;
      return;
    }
    if (!step) {
      if (line.startsWith('@server ')) {
        for (const pair of line.slice(8).trim().split(/\s+/)) {
          const [key, value] = pair.split('=');
          result.server[key] = value;
        }
      } else if (line !== '' && !line.startsWith('#')) {
        throw new CaseError(file, number, `"${line}" stands outside a step`);
      }
      return;
    }
    if (!step.method) {
      if (line === '' || line.startsWith('#')) return;
      match = REQUEST.exec(line);
      if (!match) throw new CaseError(file, number, `"${line}" is no request line`);
      [, step.method, step.path] = match;
      step.as = match[3] ?? 'guest';
    } else if ((match = CAPTURE.exec(line))) {
      step.captures.push([match[1], match[2]]);
    } else if ((match = MASK.exec(line))) {
      step.masks.push(match[1]);
    } else if ((match = OPTION.exec(line))) {
      step.options[match[1]] = match[2].split(',').map((part) => part.trim()).filter(Boolean);
    } else if ((match = ROW.exec(line))) {
      step.rows ??= [];
      step.rows.push({ label: match[1], value: match[2] ?? '' });
      inBody = false;
    } else if (inBody) {
      step.body += `\n${line}`;
    } else if (line === '' || line.startsWith('#')) {
      // Space between parts, or a remark.
    } else if ((match = QUERY.exec(line))) {
      step.query.push([match[1], match[2]]);
    } else if ((match = HEADER.exec(line))) {
      step.headers.push([match[1].toLowerCase(), match[2]]);
    } else {
      step.body = line;
      inBody = true;
    }
  });
  finish(lines.length);

  const seen = new Set();
  for (const one of result.steps) {
    one.id = `${result.name}/${one.name}`;
    if (seen.has(one.id)) throw new CaseError(file, 0, `two steps are named "${one.name}"`);
    seen.add(one.id);
  }
  return result;
}

export function readCases(file) {
  return parseCases(file, readFileSync(file, 'utf8'));
}

/** The value at a dotted path in parsed JSON, or undefined. */
export function valueAt(json, path) {
  return path.split('.').reduce((value, key) => (value === null || value === undefined ? undefined : value[key]), json);
}

/** A copy of a JWT whose claims are changed and whose signature therefore no longer fits. */
function forge(token, change) {
  const [head, claims, sign] = String(token).split('.');
  if (!sign) return `forged-${token}`;
  const changed = { ...JSON.parse(Buffer.from(claims, 'base64url').toString()), ...change };
  return [head, Buffer.from(JSON.stringify(changed)).toString('base64url'), sign].join('.');
}

/** A JWT that claims no signature is needed. */
function unsigned(token) {
  const claims = String(token).split('.')[1];
  return `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${claims}.`;
}

const keys = new Map();

/** A private key as it stands in a JSON text; the same one whenever the curve is named. */
function privateKey(curve) {
  if (!keys.has(curve)) {
    const pem = generateKeyPairSync('ec', { namedCurve: curve }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    keys.set(curve, JSON.stringify(pem.trim()).slice(1, -1));
  }
  return keys.get(curve);
}

const FUNCTIONS = {
  // Quotes keep outer spaces; \xNN writes a character the syntax would take for itself.
  repeat: (vars, count, ...text) => text.join(' ').replace(/^"|"$/g, '')
    .replace(/\\x([0-9a-f]{2})/gi, (whole, hex) => String.fromCharCode(Number.parseInt(hex, 16))).repeat(Number(count)),
  key: (vars, curve) => privateKey(curve),
  expired: (vars, name) => forge(vars[name], { exp: 1_500_000_000 }),
  unsigned: (vars, name) => unsigned(vars[name]),
  forged: (vars, name, claim, value) => forge(vars[name], { [claim]: value }),
};

/** Fills `{{name}}` and `{{function args}}`; an unknown name stays visible in the request. */
export function fill(text, vars) {
  return text.replace(/\{\{([^{}]+)\}\}/g, (whole, inner) => {
    const [head, ...args] = inner.trim().split(' ');
    if (args.length > 0 && FUNCTIONS[head]) return FUNCTIONS[head](vars, ...args);
    return head in vars ? String(vars[head]) : `missing-${head}`;
  });
}

/** Builds the request of a step for one side. Identity X sends `{{X_token}}`. */
export function buildRequest(step, vars) {
  const headers = {};
  for (const [key, value] of step.headers) headers[key] = fill(value, vars);
  if (step.as !== 'guest' && headers.authorization === undefined) headers.authorization = fill(`{{${step.as}_token}}`, vars);
  let path = fill(step.path, vars);
  const query = step.query.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(fill(value, vars))}`);
  if (query.length > 0) path += (path.includes('?') ? '&' : '?') + query.join('&');
  let body = step.body === null ? undefined : fill(step.body, vars);
  if (body !== undefined) {
    headers['content-type'] ??= 'application/json';
    if (headers['content-type'] === 'multipart/form-data') [headers['content-type'], body] = multipart(body);
    headers['content-length'] = String(Buffer.byteLength(body));
  }
  return { method: step.method, path, headers, body };
}
