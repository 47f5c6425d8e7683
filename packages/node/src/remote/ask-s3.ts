import type { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import type { ClipError } from "@clip-ts/base";
import { stalled, watch } from "@clip-ts/hub";
import { shownPlace } from "./places.ts";
import type { RemoteSettings } from "./remote-options.ts";
import type { S3Sdk } from "./s3-client.ts";
import { s3Error } from "./s3-errors.ts";

/** The SDK, loaded, and a client of it. */
export interface Connection {
  readonly sdk: S3Sdk;
  readonly client: S3Client;
  readonly settings: RemoteSettings;
}

const silence = (place: string, timeout: number): ClipError => stalled(shownPlace(place), timeout, "`timeout`");

/** Asks once; silence for the time-out ends it. @throws ClipError. */
export async function askS3<T>(
  place: string,
  { settings }: Connection,
  send: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, timeout } = settings;
  const control = new AbortController();
  const { heard, rest } = watch(timeout, () => control.abort(silence(place, timeout)));
  heard();
  settings.counts.tries++;
  try {
    return await send(AbortSignal.any([signal, control.signal]));
  } catch (error) {
    signal.throwIfAborted();
    control.signal.throwIfAborted();
    throw s3Error(place, error);
  } finally {
    rest();
  }
}

/** The pieces of a body; time counts only while one is waited for. */
export async function* piecesOf(
  body: Readable,
  place: string,
  { signal, timeout }: RemoteSettings,
): AsyncIterable<Buffer> {
  const { heard, rest } = watch(timeout, () => body.destroy(silence(place, timeout)));
  const end = (): unknown => body.destroy(signal.reason as Error);
  signal.addEventListener("abort", end);
  try {
    heard();
    for await (const chunk of body) {
      rest();
      yield chunk as Buffer;
      heard();
    }
  } catch (error) {
    throw s3Error(place, error);
  } finally {
    rest();
    signal.removeEventListener("abort", end);
  }
}
