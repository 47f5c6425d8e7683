import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { initHostParams } from "@clip-ts/core";
import { clipPreprocess, siglipPreprocess, torchvisionPreprocess } from "@clip-ts/image";
import { clipSpec, formatClipConfig, formatOpenClipConfig, preset } from "@clip-ts/model";
import { writeDescription } from "@clip-ts/node";
import { expect, test } from "vitest";
import { configOf, folder, takeSteps } from "../commands/train/run-here.test.ts";
import { openRunModel } from "./model.ts";

const nano = preset("nano");

/** A file of the given content in a folder of its own. */
function write(name: string, file: string, content: object): string {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, file), JSON.stringify(content));
  return place;
}

const open = (model: object): ReturnType<typeof openRunModel> =>
  openRunModel(configOf("config-file", { model, seed: 4 }).model);

const mean = { ...nano, vision: { ...nano.vision, pooling: "mean" } } as typeof nano;
const gelu = {
  ...nano,
  vision: { ...nano.vision, activation: "gelu" },
  text: { ...nano.text, activation: "gelu" },
} as typeof nano;
const openClip = formatOpenClipConfig(gelu);

test.each([
  ["Hugging Face's", nano, join(write("hf", "config.json", formatClipConfig(nano)))],
  ["our own", mean, write("own", "config.json", formatClipConfig(mean))],
  ["ours by any name", mean, join(write("own", "mean.json", formatClipConfig(mean)), "mean.json")],
  ["open_clip's", gelu, write("open", "open_clip_config.json", openClip)],
  ["open_clip's model config", gelu, join(write("mc", "n.json", openClip.model_cfg), "n.json")],
])("%s config alone is trained from the seed", async (_whose, expected, config) => {
  const { description, start } = await open({ config });
  expect(description.config).toEqual(expected);
  expect(description.tokenizer?.vocabSize).toBe(600);
  const [mine, fresh] = [await start(), initHostParams(clipSpec(expected), 4)];
  const name = "visual_projection.weight";
  expect(mine[name]).toEqual(fresh[name]);
});

test("a config trains a step, with changes of its own", async () => {
  const config = write("own", "config.json", formatClipConfig(mean));
  const model = { config, imageSize: 16, architecture: { imageHead: "mlp" } };
  const { before, metrics } = await takeSteps(configOf("changed", { model, steps: 1 }));
  expect(before["visual_projection.fc1.weight"]).toBeDefined();
  expect(before["vision_model.embeddings.position_embedding.weight"]).toHaveLength(17 * 16);
  expect(metrics[0]!.loss).toBeGreaterThan(0);
});

test("preprocessing comes from beside the config, else from its family", async () => {
  const bare = write("hf", "config.json", formatClipConfig(nano));
  const openai = torchvisionPreprocess(clipPreprocess(8));
  expect((await open({ config: bare })).description.preprocess).toEqual(openai);
  const place = join(folder, "squashed");
  await writeDescription(place, { config: nano, preprocess: siglipPreprocess(8) });
  for (const config of [place, join(place, "config.json")]) {
    expect((await open({ config, imageSize: 16 })).description.preprocess).toEqual(siglipPreprocess(16));
  }
});

test("one place is named for a model, and a missing one is said", async () => {
  const needed = /needs one of "preset" or "config" \(train from scratch\), or "from"/u;
  await expect(open({})).rejects.toThrow(needed);
  await expect(open({ preset: "nano", config: "x" })).rejects.toThrow(needed);
  await expect(open({ config: join(folder, "none.json") })).rejects.toThrow(
    "none.json: expected a config.json (ours, Hugging Face's or open_clip's), or a folder",
  );
});
