import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  clipPreprocess,
  formatPreprocessorConfig,
  siglipPreprocess,
  torchvisionPreprocess,
  usualPreprocess,
} from "@clip-ts/image";
import { formatClipConfig, formatOpenClipConfig, preset, type ClipConfig } from "@clip-ts/model";
import { afterAll, expect, test } from "vitest";
import { readPreprocess } from "@clip-ts/inference";
import { filesAt, readArchitecture, readTokenizerAlone } from "./open-model.ts";

const root = await mkdtemp(join(tmpdir(), "clip-ts-architecture-"));
afterAll(() => rm(root, { recursive: true }));

async function folder(name: string, files: Readonly<Record<string, object>>): Promise<string> {
  const path = join(root, name);
  await mkdir(path, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    await writeFile(join(path, file), JSON.stringify(content));
  }
  return path;
}

const nano = preset("nano");
const torchvision = preset("ViT-B-32-roberta");
const half = [0.5, 0.5, 0.5];

test("every kind of vision tower has its usual preprocessing", () => {
  expect(usualPreprocess(nano)).toEqual(clipPreprocess(8));
  expect(usualPreprocess(preset("RN50"))).toEqual(clipPreprocess(224));
  expect(usualPreprocess(preset("ViT-B-16-SigLIP"))).toEqual(siglipPreprocess(224));
  expect(usualPreprocess(torchvision)).toMatchObject({
    resize: "shortest",
    interpolation: "bilinear",
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  });
  const vision = { ...torchvision.vision, pooling: "pooler" } as ClipConfig["vision"];
  const plain = { resize: "squash", interpolation: "bilinear", mean: half, std: half };
  expect(usualPreprocess({ vision })).toMatchObject(plain);
});

test("a config of any name is a model, with the preprocessing beside it", async () => {
  const squash = siglipPreprocess(8);
  const place = await folder("any-name", {
    "mine.json": formatClipConfig(nano),
    "preprocessor_config.json": formatPreprocessorConfig(squash),
  });
  const found = await readArchitecture(join(place, "mine.json"));
  expect(found).toMatchObject({ config: nano, preprocess: squash, files: { place } });
  expect(await readPreprocess(filesAt(place))).toEqual(squash);
  expect(await readPreprocess(filesAt(join(place, "mine.json")))).toBeUndefined();
});

test("open_clip's model config has no preprocessing: its family's is taken", async () => {
  const siglip = preset("ViT-B-16-SigLIP");
  const { model_cfg } = formatOpenClipConfig(siglip);
  const place = await folder("model-config", { "siglip.json": model_cfg });
  const { preprocess } = await readArchitecture(join(place, "siglip.json"));
  expect(preprocess).toEqual(torchvisionPreprocess(siglipPreprocess(224)));
});

test("a place without a tokenizer says what was looked for", async () => {
  const place = await folder("empty", {});
  await expect(readTokenizerAlone(place, torchvision)).rejects.toThrow(
    `There is no tokenizer in ${place}: expected a folder with tokenizer.json (or vocab.json and merges.txt, vocab.txt, or a SentencePiece model)`,
  );
});
