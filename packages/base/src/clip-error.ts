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
