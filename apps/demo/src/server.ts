import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import type { Connect, Plugin } from "vite";
import type { Emoji } from "./client.ts";

/** The part of emojibase's records that is read. */
interface EmojibaseRecord {
  readonly hexcode: string;
  readonly label: string;
  /** Place on an emoji keyboard. */
  readonly order?: number;
  /** Left out for the single letters that flags are spelled with. */
  readonly group?: number;
}

/** emojibase's number of the group of skin and hair swatches, which are parts of emoji. */
const componentGroup = 2;

const require = createRequire(import.meta.url);

/** The held-out drawings: Fluent Emoji 3D, one WebP for each emoji, named by its code points. */
export function emojiFolder(): string {
  return join(dirname(require.resolve("@lobehub/fluent-emoji-3d/package.json")), "assets");
}

/** One name for all spellings of an emoji: its code points without the variation selector FE0F. */
function conceptOf(hexcode: string): string {
  return hexcode.toUpperCase().replaceAll("-FE0F", "");
}

/** Every emoji that has a drawing, with emojibase's English name, in the order of emoji keyboards. */
export async function readEmojiIndex(): Promise<Emoji[]> {
  const text = await readFile(require.resolve("emojibase-data/en/data.json"), "utf8");
  const records = JSON.parse(text) as EmojibaseRecord[];
  const files = new Map<string, string>();
  for (const file of await readdir(emojiFolder())) {
    files.set(conceptOf(file.slice(0, file.lastIndexOf("."))), file);
  }
  return records
    .filter(({ group }) => group !== undefined && group !== componentGroup)
    .toSorted((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .flatMap(({ hexcode, label }) => {
      const file = files.get(conceptOf(hexcode));
      return file === undefined ? [] : [{ file, label }];
    });
}

/** Where `npm run quickstart` leaves its model. */
const quickstartModel = fileURLToPath(new URL("../../../runs/quickstart/model", import.meta.url));

/** The folder that the environment variable CLIP_MODEL names, or the quickstart's model. */
function modelFolder(): string {
  const { CLIP_MODEL: chosen, INIT_CWD: startedIn = "." } = process.env;
  return chosen === undefined || chosen === "" ? quickstartModel : resolve(startedIn, chosen);
}

const types: Readonly<Record<string, string>> = {
  ".json": "application/json",
  ".webp": "image/webp",
};

/** Answers with a JSON value. */
function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}

/** Answers with a file, which browsers may keep for `maxAge` seconds, or with 404 if there is none. */
async function sendFile(response: ServerResponse, path: string, maxAge: number): Promise<void> {
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

/** Plain file names only: nothing that leads out of a folder. */
const filePath = /^\/(?<folder>model|emoji)\/(?<name>[\w-]+(?:\.[\w-]+)+)$/u;

const hour = 3600;

async function answer(path: string, response: ServerResponse): Promise<boolean> {
  const { folder, name } = filePath.exec(path)?.groups ?? {};
  if (folder === undefined || name === undefined) return false;
  if (folder === "model") await sendFile(response, join(modelFolder(), name), 0);
  else if (name === "index.json") sendJson(response, await readEmojiIndex());
  else await sendFile(response, join(emojiFolder(), name), hour);
  return true;
}

function handle(request: IncomingMessage, response: ServerResponse, next: Connect.NextFunction) {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  answer(pathname, response).then((done) => void (done || next()), next);
}

/**
 * Serves, to `vite` and to `vite preview`, what the page shows but does not contain: the model's folder
 * under /model/ and the emoji drawings, with their index, under /emoji/.
 */
export function localFiles(): Plugin {
  return {
    name: "clip-ts:local-files",
    configureServer: ({ middlewares }) => void middlewares.use(handle),
    configurePreviewServer: ({ middlewares }) => void middlewares.use(handle),
  };
}
