import { ClipError } from "@clip-ts/base";
import { broken, refused, unreachable } from "@clip-ts/hub";
import { shownPlace } from "./places.ts";

const looked =
  "credentials are looked for in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, ~/.aws, the roles of the " +
  "container or machine, and the option `s3.credentials`; for a public bucket set `s3.unsigned`";

const meanings: Readonly<Record<number, string>> = {
  301: "the bucket lies in another region: set AWS_REGION or `s3.region`",
  400: "the store does not understand the request; expired credentials may be why",
  401: `you are not signed in: ${looked}`,
  403: `this may not be read, or is not there and you may not list the bucket: ${looked}`,
  404: "there is no such bucket or file",
  429: "too many requests",
  500: "the store failed",
  503: "the store is busy: it asks to slow down",
};

/** What errors of the SDK have beside their message. */
interface SdkError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** The status that a store answered with; undefined for failures of other kinds. */
export function statusIn(error: unknown): number | undefined {
  return (error as SdkError | undefined)?.$metadata?.httpStatusCode;
}

const headersIn = (error: unknown): Headers => new Headers((error as SdkError).$response?.headers ?? {});

/** Names of failures that say before anything is sent that nothing can be sent. */
const unset: Readonly<Record<string, string>> = {
  CredentialsProviderError: `no credentials were found: ${looked}`,
  TokenProviderError: `no credentials were found: ${looked}`,
};

/** An answer that says no; what the store says beside its status is in the SDK's message. */
function answerError(shown: string, status: number, { error, headers }: { error: Error; headers: Headers }): ClipError {
  const { code, message, data } = refused(shown, status, headers, meanings);
  const words = error.message.startsWith("Unknown") ? "" : ` It says: ${error.name}: ${error.message.slice(0, 200)}`;
  return new ClipError(code, `${message}${words}`, { data, cause: error });
}

/** What is missing on this side, if that is why nothing was sent. */
function missingIn({ name, message }: Error): string | undefined {
  return unset[name] ?? (/region is missing/iu.test(message) ? "set AWS_REGION or `s3.region`" : undefined);
}

/** The failure without the request and the answer that hang on it: these hold signatures. */
function bare(error: Error): SdkError {
  const { name, message } = error;
  const status = statusIn(error);
  const { code } = error as NodeJS.ErrnoException;
  return Object.assign(new Error(message), { name, code, ...(status && { $metadata: { httpStatusCode: status } }) });
}

/** A failure of the SDK as clip-ts says it. */
export function s3Error(place: string, failure: unknown): unknown {
  if (failure instanceof ClipError || !(failure instanceof Error)) return failure;
  const error = bare(failure);
  const shown = shownPlace(place);
  const status = statusIn(error);
  if (status !== undefined && status >= 300) return answerError(shown, status, { error, headers: headersIn(failure) });
  const missing = missingIn(error);
  if (missing !== undefined) {
    return new ClipError("bad-argument", `${shown}: ${missing}.`, { data: { place: shown }, cause: error });
  }
  return error.name === "TimeoutError" || status !== undefined ? broken(shown, error) : unreachable(shown, error);
}
