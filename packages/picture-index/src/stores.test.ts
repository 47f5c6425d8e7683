import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serveQdrant } from "../../search/src/fixtures/qdrant-server/serve.mjs";
import { colourModel, writePictures } from "./fixtures/small-pictures.ts";
import { openPictureIndex } from "./picture-index.ts";
import { updatePictureIndex } from "./update-picture-index.ts";

let root = "";
const at = (...names: string[]): string => join(root, ...names);
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "clip-ts-stores-"));
});
afterEach(() => rmSync(root, { recursive: true }));

test("of a Qdrant store that was embedded anew the old collection goes, once the new one serves", async () => {
  const lines: string[] = [];
  const server = await serveQdrant({ onRequest: (line) => void lines.push(line) });
  const collections = (method: string): string[] =>
    lines.flatMap((line) => new RegExp(`^${method} /collections/([^/]+)$`, "u").exec(line)?.[1] ?? []);
  try {
    await writePictures([at("photos", "a.jpg"), at("photos", "b.jpg")]);
    const own = { folder: at("index"), sources: [{ path: at("photos") }], store: { url: server.url } };
    await updatePictureIndex({ ...own, model: colourModel() });
    const { record } = await updatePictureIndex({ ...own, model: colourModel("others"), remaps: true });
    const [old, now] = collections("PUT");
    expect(collections("DELETE")).toEqual([old]);
    expect(record.store.collection).toBe(now);
    const index = await openPictureIndex(at("index"));
    expect(await index.vectors.count()).toBe(2);
    await index.close();
  } finally {
    await server.close();
  }
});
