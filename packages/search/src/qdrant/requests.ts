import { ClipError, isClipError } from "@clip-ts/base";

/** What errors of the client and of `fetch` carry. */
interface RequestError {
  readonly name?: string;
  readonly message?: string;
  readonly status?: number;
  readonly data?: { readonly status?: { readonly error?: string } };
  readonly cause?: { readonly code?: string; readonly message?: string };
}

/** What went wrong where the server answered. */
function answerMessage(status: number, detail: string): string {
  if (status !== 401 && status !== 403) return `answers ${status}: ${detail}.`;
  return `refuses the key (${status}): ${detail}. Give an apiKey that it knows.`;
}

/** What went wrong where it did not. */
function silenceMessage({ name, message = "no reason", cause }: RequestError): string {
  if (/abort|timeout/iu.test(`${name} ${message}`)) {
    return "did not answer in time. Is it busy? A longer timeoutMs waits longer.";
  }
  const reason = cause?.code ?? cause?.message ?? message;
  return `cannot be reached: ${reason}. Is it running, and is the address right?`;
}

function messageOf(error: RequestError, url: string): string {
  const { status, data, message = "no reason" } = error;
  const what = status === undefined ? silenceMessage(error) : answerMessage(status, data?.status?.error ?? message);
  return `The Qdrant server at ${url} ${what}`;
}

/**
 * Asks the server something.
 * @throws ClipError "bad-data" that says what the server answered, or why there was no answer
 */
export async function asked<T>(url: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (cause) {
    if (isClipError(cause)) throw cause;
    throw new ClipError("bad-data", messageOf(cause as RequestError, url), { cause });
  }
}
