import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEngine } from "@clip-ts/engines";
import { clipPreprocess } from "@clip-ts/image";
import { bytesEmbedder, loadEmbedder, needTokenizer, tokenizerFor } from "@clip-ts/inference";
import { initClip, preset } from "@clip-ts/model";
import { hashModel, openModel, writeModel } from "@clip-ts/node";
import { useEngine } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { colourModel, writePictures } from "./fixtures/small-pictures.ts";
import { openPictureIndex } from "./picture-index.ts";
import type { PictureModel } from "./update-options.ts";
import { updatePictureIndex } from "./update-picture-index.ts";

const root = mkdtempSync(join(tmpdir(), "clip-ts-background-"));
const at = (...names: string[]): string => join(root, ...names);
afterAll(async () => {
  await useEngine("cpu");
  rmSync(root, { recursive: true });
});

/** A small model that reads pictures and texts, and counts how often it is asked for texts. */
async function nanoModel(): Promise<PictureModel & { measured(): number; dispose(): void }> {
  const config = preset("nano");
  const dim = config.projectionDim;
  await writeModel(at("nano"), { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) }, initClip(config, 1));
  const description = await openModel(at("nano"));
  const embedder = await loadEmbedder(description, (await startEngine("cpu")).compiler);
  let measured = 0;
  return {
    name: "nano",
    sha256: await hashModel(at("nano")),
    dim,
    preprocess: description.preprocess,
    images: bytesEmbedder({ description, embedder }),
    texts: async (texts) => {
      measured++;
      const ids = needTokenizer(description).encodeBatch([...texts], { multiple: 8 });
      return { values: await embedder.texts(ids), rows: texts.length, dim };
    },
    measured: () => measured,
    dispose: () => embedder.dispose(),
  };
}

/** What an index says of its background. */
async function backgroundIn(folder: string) {
  const { rows } = (await openPictureIndex(folder).then(async (index) => {
    await index.close();
    return index.background;
  })) ?? { rows: undefined };
  const { changes } = JSON.parse(readFileSync(join(folder, "background.json"), "utf8")) as { changes: number };
  return { rows, changes };
}

test("the background is measured with the index, and again once more than a tenth changed", async () => {
  const model = await nanoModel();
  const addTo = async (first: number, count: number) => {
    await writePictures(Array.from({ length: count }, (_, number) => at("photos", `${first + number}.jpg`)));
    const sources = [{ path: at("photos") }];
    const onNotice = (line: string): void => void (/damaged/u.test(line) && said.push(line));
    await updatePictureIndex({ folder: at("index"), model, sources, store: { name: "flat" }, onNotice });
  };
  const said: string[] = [];
  await addTo(0, 20);
  expect(await backgroundIn(at("index"))).toEqual({ rows: 20, changes: 0 });
  const once = model.measured();
  await addTo(20, 0);
  await addTo(20, 2);
  expect(await backgroundIn(at("index"))).toEqual({ rows: 20, changes: 2 });
  expect(model.measured()).toBe(once);
  await addTo(22, 1);
  expect(await backgroundIn(at("index"))).toEqual({ rows: 23, changes: 0 });
  expect(model.measured()).toBe(2 * once);

  const file = at("index", "background.json");
  const whole = readFileSync(file, "utf8");
  for (const damaged of [whole.slice(0, 99), "null", whole.replace(/"rows": ?23/u, '"rows": "23"')]) {
    writeFileSync(file, damaged);
    await expect(openPictureIndex(at("index"))).rejects.toMatchObject({
      code: "bad-data",
      message: expect.stringMatching(/background\.json is damaged .*run clip-ts index again/su) as string,
    });
    await addTo(23, 0);
    expect(readFileSync(file, "utf8")).toBe(whole);
  }
  expect(said).toHaveLength(3);
  model.dispose();
});

test("of a model that reads no texts there is none, which is said", async () => {
  await writePictures([at("few", "a.jpg"), at("few", "b.jpg")]);
  const said: string[] = [];
  await updatePictureIndex({
    folder: at("wordless"),
    model: colourModel(),
    sources: [{ path: at("few") }],
    store: { name: "flat" },
    onNotice: (line) => void said.push(line),
  });
  expect(existsSync(at("wordless", "background.json"))).toBe(false);
  expect(said).toEqual([expect.stringMatching(/^colours reads no texts: .*no cut-off/)]);
  const index = await openPictureIndex(at("wordless"));
  expect(index.background).toBeUndefined();
  await index.close();
});
