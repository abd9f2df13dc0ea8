// Replaces what differs between any two runs (generated ids, the current time,
// tokens) by names that are the same on both sides, and keeps everything else
// byte for byte.
//
// Names carry the number of the step in which a value was first seen, so one
// real difference does not rename everything after it. Two values first seen
// in the same step and of the same place get the same name on both sides only
// if the servers agree about them: references are compared, too. A time is
// named by the step that was running at that time, wherever it is seen first:
// two times of one step may be the same millisecond on one side only.

/** Masked values of this length are masked inside other texts, too. */
const LONG_SECRET = 20;
const DAY_MS = 86_400_000;
const TIME = /\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,9})?Z/g;
const TOKEN = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g;
const RECORD_ID = /\b[a-z0-9]{15}\b/g;
// The index names of a collection without an id yet (scaffolds) end randomly.
const RANDOM_INDEX = /\bidx_(tokenKey|email)_[a-z0-9]{10}\b/g;
// Names of stored files: ten random characters before the ending, and a base made of them where there was none.
const FILE_NAME = /(?<![\w])(\w*?)([a-z0-9]{10})?_[a-z0-9]{10}(\.[\w.*+=#-]+)/g;
const HTTP_DATE = /[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/g;
const RANGE_BOUNDARY = /\b[0-9a-f]{60}\b/g;
/** Keys whose values are record ids. */
const ID_KEYS = ['id', 'otpId', 'mfaId'];
const GENERATED_ID = /^[a-z0-9]{15}$/;

/** Response headers that are part of the contract; all others are free. */
export const COMPARED_HEADERS = [
  'content-type', 'x-xss-protection', 'x-content-type-options', 'x-frame-options', 'cross-origin-opener-policy', 'vary',
  'access-control-allow-origin', 'access-control-allow-methods', 'access-control-allow-headers',
  'access-control-allow-credentials', 'access-control-expose-headers', 'access-control-max-age',
  'content-encoding', 'content-disposition', 'content-security-policy', 'cache-control', 'location', 'www-authenticate',
  'allow', 'set-cookie',
];

const parse = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/**
 * One per side. `fixedText` holds the case files: ids written there are not generated ones. `addresses` maps what
 * differs between the sides, such as ports, to a name.
 */
export class Normaliser {
  constructor(fixedText = '', addresses = {}) {
    this.fixedText = fixedText;
    this.addresses = Object.entries(addresses);
    this.ids = new Map();
    this.times = new Map();
    this.starts = [];
    this.tokens = new Map();
  }

  /** A step begins now: times from here on are its own. */
  begin(step) {
    this.starts.push({ step, at: Date.now() });
  }

  /** Returns {status, headers, body} of one answer, ready to be compared. */
  answer(step, { status, headers, text, failure }, { masks = [], unordered = false, anyKeyOrder = false, extraHeaders = [] } = {}) {
    if (failure) return { status: `no answer: ${failure}`, headers: {}, body: '' };
    const kept = {};
    for (const name of [...COMPARED_HEADERS, ...extraHeaders]) {
      if (headers[name] !== undefined) kept[name] = this.text(step, String(headers[name]));
    }
    const json = parse(text);
    if (json !== undefined) this.#collectIds(step, json);
    let body = json === undefined ? text : mask(text, json, masks);
    body = this.text(step, body);
    if (anyKeyOrder) body = sortKeys(body);
    if (unordered) body = sortItems(body);
    return { status, headers: kept, body };
  }

  /** Normalises any text, for example a message or a JSON document. */
  text(step, text) {
    let result = text.replace(TOKEN, (token) => this.#token(token));
    result = result.replace(TIME, (time) => this.#time(step, time));
    result = result.replace(HTTP_DATE, (date) => (Math.abs(Date.parse(date) - Date.now()) < DAY_MS ? '<HTTP DATE>' : date));
    result = result.replace(RANGE_BOUNDARY, '<boundary>');
    result = result.replace(FILE_NAME, (whole, base, random, ending) => `${base.length < 3 && random ? `${base}<random>` : base + (random ?? '')}_<random>${ending}`);
    result = result.replace(RANDOM_INDEX, 'idx_$1_<random>');
    result = result.replace(RECORD_ID, (id) => this.ids.get(id) ?? id);
    for (const [address, name] of this.addresses) result = result.replaceAll(address, name).replaceAll(encodeURIComponent(address), name);
    return result;
  }

  #collectIds(step, json) {
    let count = 0;
    const walk = (value) => {
      if (Array.isArray(value)) value.forEach(walk);
      else if (value !== null && typeof value === 'object') {
        for (const [key, inner] of Object.entries(value)) {
          if (ID_KEYS.includes(key) && typeof inner === 'string' && GENERATED_ID.test(inner)
            && !this.ids.has(inner) && !this.fixedText.includes(inner)) {
            count += 1;
            this.ids.set(inner, `<id:${step}.${count}>`);
          } else walk(inner);
        }
      }
    };
    walk(json);
  }

  #time(step, time) {
    const at = Date.parse(time.replace(' ', 'T'));
    if (!(Math.abs(at - Date.now()) < DAY_MS)) return time;
    if (!this.times.has(at)) this.times.set(at, this.#runningAt(at) ?? step);
    // The shape stays visible: `T` or a space, and how many decimals.
    const shape = time.replace(/\d{4}-\d\d-\d\d/, 'DATE').replace(/\d\d:\d\d:\d\d/, 'TIME').replace(/\.\d+/, (part) => `.${'n'.repeat(part.length - 1)}`);
    return `<${shape}:${this.times.get(at)}>`;
  }

  /** The step that was running at a time, if it lies in this run. */
  #runningAt(at) {
    if (at > Date.now()) return undefined;
    return this.starts.findLast((start) => start.at <= at)?.step;
  }

  /** A token is compared by its header and claims; the expiry becomes a distance in minutes. */
  #token(token) {
    // Measured once, when first seen: the distance shrinks while a run goes on.
    if (!this.tokens.has(token)) this.tokens.set(token, this.#describeToken(token));
    return this.tokens.get(token);
  }

  #describeToken(token) {
    const [head, claims] = token.split('.').slice(0, 2).map((part) => Buffer.from(part, 'base64url').toString());
    const distance = (seconds) => Math.round((Number(seconds) - Date.now() / 1000) / 60);
    const relative = claims.replace(/"(exp|iat)":(\d+)/g, (whole, name, seconds) => `"${name}":"+${distance(seconds)}min"`);
    return `<token ${head} ${relative}>`.replaceAll('"', "'");
  }
}

/** Replaces the values at the given paths (`*` = every entry) by their length; ids made of a checksum by that word. */
function mask(text, json, paths) {
  const found = new Set();
  for (const path of paths) {
    let level = [json];
    for (const key of path.split('.')) {
      level = level.flatMap((value) => {
        if (value === null || typeof value !== 'object') return [];
        return key === '*' ? Object.values(value) : [value[key]];
      });
    }
    level.filter((value) => typeof value === 'string' && value !== '').forEach((value) => found.add(value));
  }
  let result = text;
  for (const value of found) {
    const quoted = JSON.stringify(value);
    result = result.replaceAll(quoted, `"<masked ${/^pbc_\d+$/.test(value) ? 'checksum' : value.length}>"`);
    // A long one is the same wherever it stands, for example in an address.
    if (value.length >= LONG_SECRET) result = result.replaceAll(value, `<masked ${value.length}>`);
  }
  return result;
}

/** Sorts the entries of a list answer, for orders that are free on both sides. */
function sortItems(text) {
  const json = parse(text);
  const list = Array.isArray(json) ? json : json?.items;
  if (!Array.isArray(list)) return text;
  list.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return JSON.stringify(json);
}

/** Re-emits JSON with sorted keys. */
function sortKeys(text) {
  const json = parse(text);
  if (json === undefined) return text;
  return JSON.stringify(json, (key, value) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
