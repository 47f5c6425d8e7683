import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { flattenTree, initParams } from "@clip-ts/core";
import { clipPreprocess, siglipPreprocess, torchvisionPreprocess } from "@clip-ts/image";
import { clipSpec, initClip, preset, type ClipParams } from "@clip-ts/model";
import { goldenPath, tensorsLeftBy } from "@clip-ts/test-utils";
import { serializeSafetensors, toBytes, type HostTensor } from "@clip-ts/weights";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { atResolution, closing, loadModelParams, needTokenizer, tokenizerFor } from "@clip-ts/inference";
import { locateModel, openModel, withWeights } from "./open-model.ts";
import { writeDescription, writeModel } from "./write-model.ts";

const config = preset("nano");
const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
let root = "";
let params: ClipParams;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clip-ts-models-"));
  params = initClip(config, 7);
  await writeModel(join(root, "nano"), description, params);
});
afterAll(async () => {
  dispose(flattenTree<Tensor>(params));
  await rm(root, { recursive: true, force: true });
});

/** Every tensor's values by path; frees the tensors. */
async function take(tree: object): Promise<Record<string, Float32Array>> {
  const values: Record<string, Float32Array> = {};
  for (const [path, leaf] of Object.entries(flattenTree<Tensor>(tree))) {
    values[path] = await leaf.data<"float32">();
    leaf.dispose();
  }
  return values;
}

/** The values as loaded from a folder. */
async function load(model: string): Promise<Record<string, Float32Array>> {
  return take(await closing(await openModel(model), loadModelParams));
}

describe("a folder that was written", () => {
  test("is read back the same: config, preprocessing, tokenizer, every weight", async () => {
    const model = join(root, "nano");
    const found = await openModel(model);
    expect(found.config).toEqual(config);
    expect(found.preprocess).toEqual(description.preprocess);
    const text = "a small red square";
    expect(needTokenizer(found).encode(text)).toEqual(needTokenizer(description).encode(text));
    const original = initClip(config, 7);
    expect(await load(model)).toEqual(await take(original));
  });

  test("has transformers' own names for a plain ViT, and opens the same", async () => {
    const folder = join(root, "dual");
    const source = dirname(goldenPath("dual-encoder/model.safetensors"));
    const { config: dual, preprocess } = await openModel(source);
    const weights = await closing(await openModel(source), loadModelParams);
    await writeModel(folder, { config: dual, preprocess }, weights);
    dispose(flattenTree<Tensor>(weights));
    const file = (place: string): Promise<Buffer> => readFile(join(place, "model.safetensors"));
    expect((await file(folder)).equals(await file(source))).toBe(true);
    expect((await openModel(folder)).config).toEqual(dual);
    expect(await load(folder)).toEqual(await load(source));
  });

  test("keeps other preprocessing too", async () => {
    const folder = join(root, "squashed");
    const preprocess = siglipPreprocess(8);
    await writeDescription(folder, { ...description, preprocess });
    expect((await openModel(folder)).preprocess).toEqual(preprocess);
  });

  test("without a preprocessor file is read as OpenAI's", async () => {
    const folder = join(root, "bare");
    await mkdir(folder);
    await copyFile(join(root, "nano", "config.json"), join(folder, "config.json"));
    const openai = torchvisionPreprocess(clipPreprocess(8));
    expect((await openModel(folder)).preprocess).toEqual(openai);
  });

  test("has the files that transformers looks for", async () => {
    expect((await readdir(join(root, "nano"))).toSorted()).toEqual(
      expect.arrayContaining([
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
      ]),
    );
  });
});

describe("at another image size", () => {
  test("only the positions change, and their class token's stays", async () => {
    const name = "vision_model.embeddings.position_embedding.weight";
    const model = join(root, "nano");
    const larger = await take(await closing(atResolution(await openModel(model), 16), loadModelParams));
    const { [name]: resized, ...rest } = larger;
    const { [name]: stored, ...same } = await load(model);
    expect(rest).toEqual(same);
    expect(resized).toHaveLength(17 * 16);
    expect(resized?.slice(0, 16)).toEqual(stored?.slice(0, 16));
  });

  test("smaller than a patch is refused", async () => {
    const model = await openModel(join(root, "nano"));
    expect(() => atResolution(model, 3)).toThrow("An image of 3 pixels is smaller than a patch of 4");
  });
});

describe("Hugging Face's own files", () => {
  for (const weights of ["model.safetensors", "openai-names.safetensors"]) {
    test(`${weights} load by the names of either layout`, async () => {
      const folder = join(root, `golden-${weights}`);
      await mkdir(folder);
      await copyFile(goldenPath("clip-vit/config.json"), join(folder, "config.json"));
      await copyFile(goldenPath(`clip-vit/${weights}`), join(folder, "model.safetensors"));
      const values = await load(folder);
      const found = await openModel(folder);
      expect(Object.keys(values)).toEqual(Object.keys(flattenTree(clipSpec(found.config))));
      expect(values).toEqual(await load(join(root, "golden-model.safetensors")));
      expect(() => needTokenizer(found)).toThrow(/vocabulary of 200.*Give it token ids instead/);
    });
  }
});

describe("shards", () => {
  const folder = (): string => join(root, "sharded");
  beforeAll(async () => {
    const tensors = await withWeights(join(root, "nano"), async (file) => {
      const entries: [string, HostTensor][] = [];
      for (const name of file.names) entries.push([name, await file.read(name)]);
      return entries;
    });
    await writeDescription(folder(), description);
    const files: Record<string, string> = {};
    for (const shard of [0, 1]) {
      const name = `model-0000${shard + 1}-of-00002.safetensors`;
      const part = tensors.filter((_, index) => index % 2 === shard);
      for (const [tensor] of part) files[tensor] = name;
      await writeFile(join(folder(), name), toBytes(serializeSafetensors(Object.fromEntries(part))));
    }
    const index = JSON.stringify({ weight_map: files });
    await writeFile(join(folder(), "model.safetensors.index.json"), index);
  });

  test("give the same weights as one file", async () => {
    expect(await load(folder())).toEqual(await load(join(root, "nano")));
  });

  test("that are missing are named", async () => {
    await rm(join(folder(), "model-00002-of-00002.safetensors"));
    await expect(load(folder())).rejects.toThrow(/model-00002-of-00002.*no such file/);
  });
});

describe("a run folder stands for", () => {
  test("what `latest` points at, else its newest checkpoint", async () => {
    const run = join(root, "run");
    const [older, newer] = ["step-0000001", "step-0000002"].map((name) => join(run, "checkpoints", name)) as [
      string,
      string,
    ];
    for (const folder of [older, newer]) await writeDescription(folder, description);
    expect(locateModel(run)).toBe(newer);
    await symlink(join("checkpoints", "step-0000001"), join(run, "latest"), "junction");
    expect(locateModel(run)).toBe(join(run, "latest"));
    await rm(older, { recursive: true });
    expect(locateModel(run)).toBe(newer);
  });
});

describe("a model that cannot be opened says what was expected", () => {
  test("no such folder, and a folder without config.json", async () => {
    const nowhere = join(root, "nowhere");
    expect(() => locateModel(nowhere)).toThrow(
      `There is no model in ${nowhere}: expected a folder with config.json and model.safetensors`,
    );
    await mkdir(join(root, "empty"));
    await expect(openModel(join(root, "empty"))).rejects.toMatchObject({ code: "not-found" });
  });

  test("no weights", async () => {
    const folder = join(root, "weightless");
    await writeDescription(folder, description);
    const path = join(folder, "model.safetensors");
    await expect(closing(await openModel(folder), loadModelParams)).rejects.toThrow(`${path} cannot be opened`);
  });

  test("weights cut short or of another model leave no tensor behind", async () => {
    const folder = join(root, "foreign");
    await writeDescription(folder, description);
    const other = initParams({ text_projection: clipSpec(config).text_projection }, 1);
    await writeModel(folder, description, other);
    dispose(flattenTree<Tensor>(other));
    const left = await tensorsLeftBy(async () =>
      expect(closing(await openModel(folder), loadModelParams)).rejects.toThrow(/does not fit the model[^]*missing/),
    );
    expect(left).toBe(0);
    await writeFile(join(folder, "model.safetensors"), Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 1));
    await expect(closing(await openModel(folder), loadModelParams)).rejects.toThrow(/model\.safetensors.*truncated/);
  });

  test("broken config.json", async () => {
    const folder = join(root, "broken");
    await writeDescription(folder, description);
    await writeFile(join(folder, "config.json"), "{");
    await expect(openModel(folder)).rejects.toThrow(/config\.json is not valid JSON/);
  });
});
