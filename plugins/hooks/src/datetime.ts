/** PocketBase's `DateTime`: a UTC instant in milliseconds, or none. Durations are in nanoseconds, as in Go. */

const NS_PER_MS = 1e6;

function parse(value: unknown): number {
  if (value === undefined) return Date.now();
  if (value instanceof DateTime) return value.milliseconds;
  if (value instanceof Date) return value.getTime();
  if (typeof value === "number") return value * 1000;
  const text = String(value ?? "").trim();
  if (text === "") return Number.NaN;
  const iso = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text.replace(" ", "T");
  return Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(iso) ? iso : `${iso}Z`);
}

export class DateTime {
  /** Since 1970; NaN for the zero value. */
  readonly milliseconds: number;

  /** `new DateTime()` is now; a text that is no date gives the zero value. */
  constructor(value?: unknown) {
    this.milliseconds = parse(value);
  }
  isZero(): boolean {
    return Number.isNaN(this.milliseconds);
  }
  /** Whole seconds. */
  unix(): number {
    return this.isZero() ? -62135596800 : Math.floor(this.milliseconds / 1000);
  }
  /** `YYYY-MM-DD HH:MM:SS.mmmZ`, empty for the zero value. */
  string(): string {
    return this.isZero() ? "" : new Date(this.milliseconds).toISOString().replace("T", " ");
  }
  toString(): string {
    return this.string();
  }
  toJSON(): string {
    return this.string();
  }
  marshalJSON(): string {
    return JSON.stringify(this.string());
  }
  /** The parts of Go's `time.Time` that scripts use. */
  time() {
    const date = new Date(this.milliseconds);
    return {
      unix: () => this.unix(), unixMilli: () => this.milliseconds, isZero: () => this.isZero(),
      year: () => date.getUTCFullYear(), month: () => date.getUTCMonth() + 1, day: () => date.getUTCDate(),
      hour: () => date.getUTCHours(), minute: () => date.getUTCMinutes(), second: () => date.getUTCSeconds(),
      weekday: () => date.getUTCDay(), string: () => this.string(),
    };
  }
  add(nanoseconds: number): DateTime {
    return new DateTime(new Date(this.milliseconds + Number(nanoseconds) / NS_PER_MS));
  }
  addDate(years: number, months: number, days: number): DateTime {
    const date = new Date(this.milliseconds);
    date.setUTCFullYear(date.getUTCFullYear() + years, date.getUTCMonth() + months, date.getUTCDate() + days);
    return new DateTime(date);
  }
  /** In nanoseconds. */
  sub(other: DateTime): number {
    return (this.milliseconds - new DateTime(other).milliseconds) * NS_PER_MS;
  }
  after(other: DateTime): boolean {
    return this.compare(other) > 0;
  }
  before(other: DateTime): boolean {
    return this.compare(other) < 0;
  }
  equal(other: DateTime): boolean {
    return this.compare(other) === 0;
  }
  compare(other: DateTime): number {
    return Math.sign(this.unixOrMin() - new DateTime(other).unixOrMin());
  }
  private unixOrMin(): number {
    return this.isZero() ? -Infinity : this.milliseconds;
  }
}
