/** PocketBase's error classes, what the host throws, and how both become a response. */

export const GENERIC = "Something went wrong while processing your request.";

/** Trimmed, with a capital and a full stop, as every message of the API. */
export function sentence(message: string): string {
  const text = message.trim();
  if (!text) return "";
  const capital = text[0]!.toUpperCase() + text.slice(1);
  return /[.?!]$/.test(capital) ? capital : `${capital}.`;
}

type Data = Record<string, unknown>;

/** One entry of an envelope's `data`. Values that are no validation errors say nothing about themselves. */
function leaf(value: unknown): unknown {
  if (value && typeof value === "object") {
    const { code, message, params } = value as { code?: unknown; message?: unknown; params?: Data };
    if (typeof code === "string" && typeof message === "string") {
      const shown = { code, message: sentence(message) };
      return params && Object.keys(params).length > 0 ? { ...shown, params } : shown;
    }
    if (!Array.isArray(value) && Object.keys(value).length > 0) return safeData(value);
  }
  return { code: "validation_invalid_value", message: "Invalid value." };
}

/** What a client may see of an error's data: an object whose leaves are `{code, message, params?}`. */
export function safeData(raw: unknown): Data {
  const shown: Data = {};
  if (!raw || typeof raw !== "object" || Array.isArray(raw)) return shown;
  for (const [name, value] of Object.entries(raw)) shown[name] = leaf(value);
  return shown;
}

export class ApiError extends Error {
  readonly status: number;
  readonly data: Data;
  #raw: unknown;

  constructor(status = 500, message = "", data: unknown = null) {
    super(sentence(String(message || GENERIC)));
    this.name = "ApiError";
    this.status = Number(status) || 500;
    this.data = safeData(data);
    this.#raw = data;
  }
  rawData(): unknown {
    return this.#raw;
  }
  error(): string {
    return this.message;
  }
  /** The document the client gets. */
  envelope(): string {
    return JSON.stringify({ data: this.data, message: this.message, status: this.status });
  }
}

type Fixed = new (message?: string, data?: unknown) => ApiError;

function fixed(name: string, status: number, fallback: string): Fixed {
  const type = class extends ApiError {
    constructor(message = "", data: unknown = null) {
      super(status, message || fallback, data);
      this.name = name;
    }
  };
  Object.defineProperty(type, "name", { value: name });
  return type;
}

export const BadRequestError = fixed("BadRequestError", 400, GENERIC);
export const UnauthorizedError = fixed("UnauthorizedError", 401, "Missing or invalid authentication.");
export const ForbiddenError = fixed("ForbiddenError", 403, "You are not allowed to perform this request.");
export const NotFoundError = fixed("NotFoundError", 404, "The requested resource wasn't found.");
export const TooManyRequestsError = fixed("TooManyRequestsError", 429, "Too Many Requests.");
export const InternalServerError = fixed("InternalServerError", 500, GENERIC);

/** One failed check, as a value of an API error's data. */
export class ValidationError extends Error {
  readonly code: string;
  params: Data = {};
  constructor(code = "", message = "") {
    super(String(message));
    this.name = "ValidationError";
    this.code = String(code);
  }
}

function parseObject(text: string): Data {
  try {
    const value: unknown = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? (value as Data) : {};
  } catch {
    return {};
  }
}

/** An error of the host or of another plugin. `value` holds its details, as `GoError.value` does in PocketBase. */
export class HostError extends Error {
  readonly code: string;
  readonly status: number;
  readonly value: Data;

  constructor(code: string, message: string, status: number, data: Data) {
    super(message);
    this.name = "GoError";
    this.code = code;
    this.status = status;
    this.value = data;
  }

  get data(): Data {
    return this.value;
  }

  /** As the host has it. */
  toWit(): HangarError {
    return { code: this.code, message: this.message, status: this.status, data: JSON.stringify(this.value) };
  }

  /** From what a host function has thrown: an error with the host's own in `payload`. All else is passed through. */
  static from(thrown: unknown): unknown {
    if (!thrown || typeof thrown !== "object" || thrown instanceof HostError) return thrown;
    const { payload } = thrown as { payload?: HangarError };
    if (!payload || typeof payload !== "object" || typeof payload.code !== "string") return thrown;
    const error = new HostError(payload.code, payload.message, payload.status, parseObject(payload.data));
    if (thrown instanceof Error && thrown.stack) error.stack = thrown.stack; // where the call was made
    return error;
  }
}

export function isApiError(error: unknown): error is ApiError {
  return error instanceof ApiError;
}

/** The answer to a client for whatever was thrown. Only API errors and failed validations tell what was wrong. */
export function toApiError(thrown: unknown): ApiError {
  if (isApiError(thrown)) return thrown;
  const error = HostError.from(thrown);
  if (error instanceof HostError) {
    if (error.code === "api_error") return new ApiError(error.status || 400, error.message, error.value);
    if (error.code === "not_found") return new NotFoundError();
    if (error.code === "validation") return new BadRequestError("", error.value);
    if (error.code === "timeout" || error.code === "limit") return new ApiError(error.status || 503, GENERIC);
  }
  return new BadRequestError();
}

/** The same for another plugin: the shape of `hangar:types/errors` (PROTOCOL.md, section 5). */
export function toWitError(thrown: unknown): HangarError {
  const error = HostError.from(thrown);
  if (!(error instanceof HostError) && !isApiError(error)) return { code: "hook_error", message: GENERIC, status: 400, data: "{}" };
  // Keeps its code: the raiser answers 404 for it in a request event and its own 400 in a model event.
  if (error instanceof HostError && error.code === "not_found") {
    return { code: error.code, message: error.message, status: 404, data: "{}" };
  }
  const { message, status, data } = toApiError(error);
  return { code: "api_error", message, status, data: JSON.stringify(data) };
}

/** Thrown by every name that exists in PocketBase and not here yet. */
export function notAvailable(name: string): never {
  throw new Error(`${name} is not available yet in Hangar`);
}

/** An object (and constructor) whose every use says that it is not available yet. */
export function unavailable(name: string): any {
  const target = function () {};
  return new Proxy(target, {
    get(_, key) {
      if (typeof key === "symbol" || key === "then" || key === "toJSON" || key === "prototype") return undefined;
      return (..._args: unknown[]) => notAvailable(`${name}.${key}`);
    },
    apply: () => notAvailable(`${name}()`),
    construct: () => notAvailable(`new ${name}()`),
  });
}
