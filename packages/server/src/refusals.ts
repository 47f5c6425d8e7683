import { ClipError, isClipError, type ClipErrorCode } from "@clip-ts/base";

/** An error as OpenAI's API gives it. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    /** "invalid_request_error" for what the client can change, "rate_limit_error" for what it can try again, else "server_error". */
    readonly type: string;
    /** The field of the body that is at fault. */
    readonly param: string | null;
    readonly code: string | null;
  };
}

/** What beside its status and words a refusal says. */
interface RefusalDetails {
  readonly code: string;
  readonly param?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** The error of a request that is answered with a status of its own. */
export function refusal(status: number, message: string, { cause, ...details }: RefusalDetails): ClipError {
  const code: ClipErrorCode = status >= 500 ? "interrupted" : "bad-argument";
  return new ClipError(code, message, { data: { status, ...details }, ...(cause !== undefined && { cause }) });
}

/** Codes of errors that the input is to blame for, whoever noticed. */
const clientCodes: ReadonlySet<ClipErrorCode> = new Set(["bad-argument", "bad-data", "unsupported"]);

/** What an error is answered with. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
  /** Not the client's doing: somebody has to be told what it really was. */
  readonly isUnexpected: boolean;
}

function bodyOf(status: number, message: string, details: Partial<RefusalDetails>): ErrorBody {
  const mistake = status === 429 ? "rate_limit_error" : "invalid_request_error";
  const type = status >= 500 ? "server_error" : mistake;
  return { error: { message, type, param: details.param ?? null, code: details.code ?? null } };
}

/** The answer to an error. What nobody expected is not told to clients: it may name files of the server. */
export function answerOf(error: unknown): Answered {
  if (isClipError(error)) {
    const details = error.data as Partial<RefusalDetails> & { readonly status?: unknown };
    const { status } = details;
    if (typeof status === "number" && typeof details.code === "string") {
      return {
        status,
        headers: details.headers ?? {},
        body: bodyOf(status, error.message, details),
        isUnexpected: false,
      };
    }
    if (clientCodes.has(error.code)) {
      const body = bodyOf(400, error.message, { code: error.code.replaceAll("-", "_") });
      return { status: 400, headers: {}, body, isUnexpected: false };
    }
  }
  const body = bodyOf(500, "The server failed; its log says why.", { code: "internal_error" });
  return { status: 500, headers: {}, body, isUnexpected: true };
}

/** The same error, of which the answer names the field that is at fault. */
export function blaming(error: unknown, param: string): unknown {
  const { status, body, headers, isUnexpected } = answerOf(error);
  if (isUnexpected || status !== 400) return error;
  const { message, code } = body.error;
  return refusal(status, `${param}: ${message}`, { code: code ?? "bad_argument", param, headers, cause: error });
}
