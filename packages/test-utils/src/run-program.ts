import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { dirname, join, relative } from "node:path";
import { goldenJson } from "./golden.ts";
import type { LocalHub } from "./local-hub.ts";

/** What a server does with a request in the place of an honest answer. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Has a local hub give `answer` to requests whose "METHOD path" fits `pattern`, the first `times` of
 * them; later calls go before earlier ones.
 */
export function answerTo(hub: LocalHub, pattern: RegExp, answer: Answer, times: number = Infinity): void {
  const earlier = hub.intercept;
  let left = times;
  hub.intercept = (request, response) => {
    const line = `${request.method} ${decodeURIComponent(request.url ?? "")}`;
    if (left <= 0 || !pattern.test(line)) return earlier?.(request, response) ?? false;
    left--;
    answer(request, response);
    return true;
  };
}

/** Answers with a status, headers and a body. */
export function sends(
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
  body: string | Uint8Array = "",
): Answer {
  return (_request, response) => void response.writeHead(status, headers).end(body);
}

/** Sends something every so many milliseconds until the client goes away. */
export function trickles(
  start: (response: ServerResponse) => void,
  piece: string | Uint8Array,
  everyMs: number,
): Answer {
  return (_request, response) => {
    start(response);
    const timer = setInterval(() => response.write(piece), everyMs);
    response.on("close", () => clearInterval(timer));
  };
}

/** What a run returned and wrote. */
export interface CapturedRun<Result> {
  readonly result: Result;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs something and keeps what it writes to stdout and stderr from the terminal. */
export async function captureOutput<Result>(run: () => Promise<Result>): Promise<CapturedRun<Result>> {
  const written = { stdout: "", stderr: "" };
  const originals = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (chunk: string | Uint8Array): boolean => {
      written[name] += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
      return true;
    };
  }
  try {
    const result = await run();
    return { result, ...written };
  } finally {
    process.stdout.write = originals.stdout;
    process.stderr.write = originals.stderr;
  }
}

/** A tree of files and links, and what Python finds in it. Written by tools/peers/check_listing.py. */
interface Listing {
  readonly files: readonly string[];
  /** Beside the tree. */
  readonly elsewhere: readonly string[];
  /** Where links stand, and what they lead to. */
  readonly links: Readonly<Record<string, string>>;
  readonly walk: readonly string[];
  readonly classes: readonly string[];
  readonly samples: readonly (readonly [path: string, label: number])[];
}

/** A folder with links, and what os.walk and torchvision's ImageFolder find below it. */
export interface LinkedFolders extends Pick<Listing, "walk" | "classes" | "samples"> {
  readonly root: string;
}

/** Makes class folders, some of them links, below `base`; every file holds the same bytes. */
export function writeLinkedFolders(base: string, content: Uint8Array): LinkedFolders {
  const { files, elsewhere, links, ...found } = goldenJson("listing/listing.json") as Listing;
  const root = join(base, "data");
  const paths = [...files.map((name) => join(root, name)), ...elsewhere.map((name) => join(base, name))];
  for (const path of paths) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  for (const [name, target] of Object.entries(links)) {
    const path = join(root, name);
    const place = join(target.startsWith("elsewhere") ? base : root, target);
    symlinkSync(relative(dirname(path), place), path);
  }
  return { root, ...found };
}
