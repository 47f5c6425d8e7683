import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { extname } from "node:path";
import { pipeline } from "node:stream/promises";

const types: Readonly<Record<string, string>> = {
  ".json": "application/json",
  ".webp": "image/webp",
};

/** Answers with a JSON value. */
export function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}

/** Answers with a file, which browsers may keep for `maxAge` seconds, or with 404 if there is none. */
export async function sendFile(
  response: ServerResponse,
  path: string,
  maxAge: number,
): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) {
    response.statusCode = 404;
    response.end("There is no such file.");
    return;
  }
  response.setHeader("content-type", types[extname(path)] ?? "application/octet-stream");
  response.setHeader("content-length", found.size);
  response.setHeader("cache-control", `max-age=${maxAge}`);
  // A browser that leaves in the middle of a file is no fault of the server.
  await pipeline(createReadStream(path), response).catch(() => response.destroy());
}
