/** `DynamicModel` and `arrayOf`: shapes into which rows and bodies are read, by the types of their values. */
import { toBool, toFloat, toText } from "./casting";

type Fields = Record<string, unknown>;

function cast(shape: unknown, value: unknown): unknown {
  if (value === undefined) return shape;
  if (typeof shape === "string") return toText(value);
  if (typeof shape === "number") return toFloat(value);
  if (typeof shape === "boolean") return toBool(value);
  if (shape !== null && typeof shape === "object" && typeof value === "string") {
    try {
      return JSON.parse(value);
    } catch {
      return shape;
    }
  }
  return value;
}

export class DynamicModel {
  [name: string]: any;
  constructor(shape: Fields = {}) {
    Object.assign(this, shape);
    for (const name of Object.keys(shape)) if (Object.is(this[name], -0)) this[name] = 0; // -0 asks for a float
  }
  /** Takes over the fields it has, and no others. */
  fill(values: Fields): this {
    for (const name of Object.keys(this)) this[name] = cast(this[name], values[name]);
    return this;
  }
}
Object.defineProperty(DynamicModel.prototype, "fill", { enumerable: false });

const shapes = new WeakMap<object, Fields>();

/** An empty array that `all()` fills with models of this shape. */
export function arrayOf<T extends object>(model: T): T[] {
  const list: T[] = [];
  shapes.set(list, model as Fields);
  return list;
}

/** Fills what a script has given for the result with rows. */
export function fillRows(target: unknown, rows: Fields[]): void {
  if (!Array.isArray(target)) throw new TypeError("all() fills an array: arrayOf(new DynamicModel({…}))");
  const shape = shapes.get(target);
  target.length = 0;
  for (const row of rows) target.push(shape instanceof DynamicModel ? new DynamicModel({ ...shape }).fill(row) : row);
}
