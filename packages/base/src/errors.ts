/** What went wrong, for programs; the message is for people. */
export type ClipErrorCode =
  | "bad-argument"
  | "bad-config"
  | "bad-data"
  | "bad-shape"
  | "bad-weights"
  | "disposed"
  | "diverged"
  | "engine-unavailable"
  | "interrupted"
  | "not-found"
  | "not-written"
  | "unsupported";

/**
 * The one error class of clip-ts, thrown at borders (config, weights, tokens, data, command line).
 * The message says what was expected, what came and what to do; `data` holds the same for programs.
 */
export class ClipError extends Error {
  override readonly name = "ClipError";
  readonly code: ClipErrorCode;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    code: ClipErrorCode,
    message: string,
    options: { readonly data?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.data = options.data ?? {};
  }
}

/** True for a ClipError of any copy of this package. */
export function isClipError(error: unknown): error is ClipError {
  return error instanceof Error && error.name === "ClipError" && "code" in error;
}

/** How much of a value a message shows. */
const limits = { characters: 120, entries: 8, depth: 3 } as const;

/** A text that is longer than messages show, cut. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

/** Its first entries, and a mark for the rest. */
function joined(entries: readonly string[], length: number): string {
  return [...entries, ...(length > limits.entries ? ["…"] : [])].join(",");
}

function shownList(list: readonly unknown[], depth: number): string {
  if (depth === 0 && list.length > 0) return "[…]";
  const items = list.slice(0, limits.entries).map((item) => shownWithin(item, depth - 1));
  return `[${joined(items, list.length)}]`;
}

function shownRecord(record: Readonly<Record<string, unknown>>, depth: number): string {
  const keys = Object.keys(record);
  if (depth === 0 && keys.length > 0) return "{…}";
  const entries = keys.slice(0, limits.entries).map((key) => {
    const name = JSON.stringify(cut(key, limits.characters));
    return `${name}:${shownWithin(record[key], depth - 1)}`;
  });
  return `{${joined(entries, keys.length)}}`;
}

function shownWithin(value: unknown, depth: number): string {
  if (typeof value === "string") return JSON.stringify(cut(value, limits.characters));
  if (typeof value === "bigint") return cut(String(value), limits.characters);
  if (Array.isArray(value)) return shownList(value, depth);
  if (typeof value === "object" && value !== null)
    return shownRecord(value as Readonly<Record<string, unknown>>, depth);
  return JSON.stringify(value) ?? String(value);
}

/**
 * A value as an error message shows it: JSON, with long texts, long lists and deep nesting cut, so that no
 * input makes a message that is longer than a line or two, or cannot be made at all.
 */
export function shown(value: unknown): string {
  return cut(shownWithin(value, limits.depth), 2 * limits.characters);
}

/** Something that holds memory until it is disposed. */
interface Disposable {
  dispose(): void | Promise<void>;
}

type Method = (...args: unknown[]) => unknown;

/** How messages call it, and what to do instead of using it. */
export interface DisposalWords {
  /** "This model". */
  readonly what: string;
  /** "Open it again, …", in the imperative. */
  readonly remedy: string;
}

/**
 * The same object, whose asynchronous methods reject once it was disposed, with a ClipError "disposed" that
 * says so and what to do; disposing it again does nothing. What already runs is left to the object.
 */
export function refuseAfterDisposal<Api extends Disposable>(api: Api, { what, remedy }: DisposalWords): Api {
  let ended: { readonly result: void | Promise<void> } | undefined;
  const guard = (method: Method): Method => {
    return (...args) => {
      if (ended === undefined) return method.apply(api, args);
      const message = `${what} was disposed, which freed its memory. ${remedy}`;
      return Promise.reject(new ClipError("disposed", message, { data: { what } }));
    };
  };
  const members = Object.entries(api).map(([name, value]): [string, unknown] => [
    name,
    typeof value === "function" && name !== "dispose" ? guard(value as Method) : value,
  ]);
  const dispose = (): void | Promise<void> => {
    ended ??= { result: api.dispose() };
    return ended.result;
  };
  return { ...Object.fromEntries(members), dispose } as Api;
}
