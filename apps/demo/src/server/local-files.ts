import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { Connect, Plugin } from "vite";
import { emojiFolder, readEmojiIndex } from "./emoji-index.ts";
import { modelFolder } from "./model-folder.ts";
import { sendFile, sendJson } from "./send.ts";

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
