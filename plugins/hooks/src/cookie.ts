/** Cookies as Go writes them. */
import { DateTime } from "./datetime";

type Fields = Record<string, any>;

const SAME_SITE: Record<string, string> = { "2": "Lax", "3": "Strict", "4": "None", lax: "Lax", strict: "Strict", none: "None" };

/** `new Cookie({name, value, path, domain, expires, maxAge, secure, httpOnly, sameSite})`. */
export class Cookie {
  [name: string]: any;
  constructor(fields: Fields = {}) {
    Object.assign(this, fields);
  }
}

/** The value of a Set-Cookie header. Throws if the name could not be read back. */
export function setCookieValue(cookie: Fields): string {
  const name = String(cookie.name ?? "");
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name for a cookie`);
  const clean = String(cookie.value ?? "").replace(/[^\x20-\x7e]|[";\\]/g, "");
  const parts = [`${name}=${/[ ,]/.test(clean) ? `"${clean}"` : clean}`];
  const attribute = (label: string, value: unknown) => parts.push(`${label}=${String(value).replace(/[^\x20-\x7e]|;/g, "")}`);
  if (cookie.path) attribute("Path", cookie.path);
  if (cookie.domain) attribute("Domain", cookie.domain);
  if (cookie.expires) {
    const at = new DateTime(cookie.expires);
    if (!at.isZero()) attribute("Expires", new Date(at.milliseconds).toUTCString());
  }
  if (Number(cookie.maxAge) > 0) attribute("Max-Age", Math.trunc(Number(cookie.maxAge)));
  else if (Number(cookie.maxAge) < 0) attribute("Max-Age", 0);
  if (cookie.httpOnly) parts.push("HttpOnly");
  if (cookie.secure) parts.push("Secure");
  const sameSite = SAME_SITE[String(cookie.sameSite ?? "").toLowerCase()];
  if (sameSite) parts.push(`SameSite=${sameSite}`);
  return parts.join("; ");
}
