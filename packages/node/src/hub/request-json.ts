import type { HubAnswer } from "./exchange.ts";
import { odd, trickled } from "./hub-errors.ts";
import { defaultTimeout, type HubSettings } from "./hub-settings.ts";
import { requestHub, type AskOptions } from "./request-hub.ts";

/** Bytes of an answer in JSON; the listing of 100,000 files has a third. */
const mostBytes = 2 ** 25;

/** An answer in JSON has to be whole within so many time-outs, however slowly it trickles. */
const mostTimeouts = 5;

async function readText(answer: HubAnswer, timeout: number): Promise<string> {
  const parts: Uint8Array[] = [];
  const limit = mostTimeouts * timeout;
  const start = Date.now();
  let length = 0;
  for await (const chunk of answer.chunks()) {
    length += chunk.byteLength;
    parts.push(chunk);
    if (length > mostBytes) throw odd(answer.url, `answers more than ${mostBytes} bytes of JSON.`);
    if (Date.now() - start > limit) throw trickled(answer.url, limit);
  }
  return Buffer.concat(parts).toString();
}

async function readJsonAnswer(answer: HubAnswer, timeout: number): Promise<unknown> {
  const text = await readText(answer, timeout);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const type = answer.headers.get("content-type") ?? "";
    const isPage = /html/u.test(type) || /^\s*</u.test(text);
    const what = isPage ? "with a page of HTML" : "with something else";
    throw odd(
      answer.url,
      `answers ${what} where JSON was expected: a proxy or a sign-in page may be in between, ` +
        "or HF_ENDPOINT is no hub.",
      true,
    );
  }
}

/**
 * Asks the hub for JSON. @returns an object, whose members nobody has looked at.
 * @throws ClipError for what {@link requestHub} refuses, and an answer that is no object of JSON.
 */
export async function requestJson(
  url: string,
  settings: HubSettings,
  options: AskOptions = {},
): Promise<Readonly<Record<string, unknown>>> {
  const { timeout = defaultTimeout } = settings;
  const read = (answer: HubAnswer): Promise<unknown> => readJsonAnswer(answer, timeout);
  const value = await requestHub(url, settings, { ...options, read });
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw odd(url, "answers JSON that is no object.", true);
}
