/** Loose conversions between types, as the getters of PocketBase's records do them. */

export function toText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "object") {
    const text = (value as { string?: () => string }).string;
    return typeof text === "function" ? text.call(value) : JSON.stringify(value);
  }
  return String(value);
}

export function toFloat(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string" && value.trim() !== "") {
    const number = Number(value);
    return Number.isNaN(number) ? 0 : number;
  }
  return 0;
}

export function toInt(value: unknown): number {
  const number = toFloat(value);
  return Number.isFinite(number) ? Math.trunc(number) : 0;
}

export function toBool(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return value !== 0;
  return typeof value === "string" && /^(1|t|true)$/i.test(value.trim());
}

/** Unique, non-empty texts: of an array, of a JSON array in a text, or of a single value. */
export function toTextList(value: unknown): string[] {
  let items: unknown[];
  if (Array.isArray(value)) items = value;
  else if (typeof value === "string" && value.startsWith("[")) {
    try {
      const parsed: unknown = JSON.parse(value);
      items = Array.isArray(parsed) ? parsed : [value];
    } catch {
      items = [value];
    }
  } else items = value === null || value === undefined ? [] : [value];
  return [...new Set(items.map(toText).filter((item) => item !== ""))];
}
