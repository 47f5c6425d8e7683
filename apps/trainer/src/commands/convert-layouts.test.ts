import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { captureOutput, goldenJson, goldenPath, writeGoldenModel } from "@clip-ts/test-utils";
import { serializeSafetensors, toBytes, type HostTensor } from "@clip-ts/weights";
import { afterAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";
import { readTensors, writeJoinedModel } from "./shared/joined-model.test.ts";
import { openModel } from "@clip-ts/node";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-layouts-"));
afterAll(() => rm(folder, { recursive: true }));
const at = (...names: string[]): string => join(folder, ...names);
const joined = await writeJoinedModel(at("joined"));

async function convert(model: string, output: string, target: string, ...options: string[]): Promise<string> {
  const argv = ["convert", model, output, "--to", target, ...options];
  const { result, stderr } = await captureOutput(() => runCommandLine(commands, argv));
  expect(result, stderr).toBe(0);
  return stderr;
}

async function refusal(model: string, target: string, ...options: string[]): Promise<string> {
  const argv = ["convert", model, at("none"), "--to", target, ...options];
  const { result, stderr } = await captureOutput(() => runCommandLine(commands, argv));
  expect(result).toBe(1);
  await expect(readdir(at("none"))).rejects.toThrow("ENOENT"); // nothing was written
  return stderr;
}

const sorted = async (name: string): Promise<string[]> => (await readdir(at(name))).toSorted();

/** The reference tower without its classifier. */
async function torchvisionTensors(): Promise<Record<string, HostTensor>> {
  const {
    "heads.head.weight": _weight,
    "heads.head.bias": _bias,
    ...tensors
  } = await readTensors(goldenPath("torchvision-vit/model.safetensors"));
  return tensors;
}

test("SigLIP to big_vision's npz and back gives the same bytes", async () => {
  const source = at("siglip");
  await mkdir(source);
  for (const name of ["config.json", "model.safetensors"]) {
    await copyFile(goldenPath(`siglip/${name}`), join(source, name));
  }
  await convert(source, at("jax"), "big_vision");
  expect(await sorted("jax")).toEqual(["config.json", "model.npz", "preprocessor_config.json", "self-check.json"]);
  const names = Object.keys(await readTensors(at("jax", "model.npz")));
  expect(names).toContain("params/img/Transformer/encoderblock_0/LayerNorm_0/scale");
  await convert(at("jax"), at("siglip-back"), "hf");
  const back = await readFile(at("siglip-back", "model.safetensors"));
  expect(back.equals(await readFile(goldenPath("siglip/model.safetensors")))).toBe(true);
});

test("the vision tower becomes torchvision's own state dict, without its classifier", async () => {
  const note = await convert(joined, at("image"), "torchvision");
  expect(note).toContain("wrote 30 tensors (the vision tower without a classifier)");
  const files = ["config.json", "model.safetensors", "preprocessor_config.json"];
  expect(await sorted("image")).toEqual(files);
  expect(await readTensors(at("image", "model.safetensors"))).toEqual(await torchvisionTensors());
  const config = JSON.parse(await readFile(at("image", "config.json"), "utf8")) as object;
  expect(config).toEqual(goldenJson("torchvision-vit/config.json"));
});

test("the text tower becomes RoBERTa's own folder", async () => {
  await convert(joined, at("text"), "roberta");
  expect(await sorted("text")).toEqual(["config.json", "model.safetensors"]);
  const original = await readTensors(goldenPath("roberta/model.safetensors"));
  expect(await readTensors(at("text", "model.safetensors"))).toEqual(original);
  const config = JSON.parse(await readFile(at("text", "config.json"), "utf8")) as object;
  const { attention_probs_dropout_prob: _a, hidden_dropout_prob: _h, ...written } = config as Record<string, unknown>;
  expect(goldenJson("roberta/config.json")).toMatchObject(written);
  await expect(openModel(at("text"))).rejects.toThrow(
    "holds one tower alone (roberta's names), which is no whole model. To join it with another, train a " +
      'model that starts from both: "model.vision" and "model.text" in a run\'s config name them.',
  );
});

test("towers that convert wrote are read by it again, with all that lies beside them", async () => {
  await convert(joined, at("tower"), "torchvision");
  await convert(at("tower"), at("tower-back"), "torchvision");
  await convert(joined, at("words"), "roberta");
  await convert(at("words"), at("words-back"), "roberta");
  for (const name of ["tower", "words"]) {
    expect(await sorted(`${name}-back`)).toEqual(await sorted(name));
    for (const file of await sorted(name)) {
      const [before, after] = [at(name, file), at(`${name}-back`, file)];
      expect((await readFile(after)).equals(await readFile(before)), file).toBe(true);
    }
  }
});

test("a published file of torchvision's becomes a folder, under the names that its code has now", async () => {
  const stored = await readTensors(goldenPath("torchvision-vit/model.safetensors"));
  const spelled = Object.entries(stored).map(([name, tensor]) => [
    name.replace(/mlp\.0/u, "mlp.linear_1").replace(/mlp\.3/u, "mlp.linear_2"),
    tensor,
  ]);
  const file = at("vit.safetensors");
  await writeFile(file, toBytes(serializeSafetensors(Object.fromEntries(spelled))));
  expect(await refusal(file, "torchvision")).toContain(
    `clip-ts convert ${file} FOLDER --to torchvision --heads NUMBER; or with --config FILE`,
  );
  await convert(file, at("published"), "torchvision", "--heads", "4");
  expect(JSON.parse(await readFile(at("published", "config.json"), "utf8"))).toMatchObject({
    num_heads: 4,
  });
  expect(await sorted("published")).toEqual(["config.json", "model.safetensors"]); // nothing made up
  expect(await readTensors(at("published", "model.safetensors"))).toEqual(await torchvisionTensors());
});

test("a tower alone is no whole model: what would join two is said, and nothing is written", async () => {
  const image = dirname(goldenPath("torchvision-vit/config.json"));
  const text = dirname(goldenPath("roberta/config.json"));
  for (const target of ["hf", "openai", "open_clip", "onnx", "savedmodel", "roberta"]) {
    expect(await refusal(image, target)).toBe(
      `clip-ts: ${image} holds a vision tower alone, which --to torchvision writes, and --to ${target} needs ` +
        "the text tower too. To join the two, train a model that starts from them: " +
        '"model.vision" and "model.text" in a run\'s config name them.\n',
    );
  }
  expect(await refusal(text, "torchvision")).toContain("holds a text tower alone, which --to roberta");
  expect(await refusal(image, "torchvision", "--image-size", "64")).toContain("whole models only");
  expect(await refusal(image, "torchvision", "--activation", "quick_gelu")).toContain("itself says gelu");
});

test("a dual encoder with a plain ViT keeps transformers' own names", async () => {
  const source = dirname(goldenPath("dual-encoder/config.json"));
  await convert(source, at("dual"), "hf");
  const weights = await readFile(at("dual", "model.safetensors"));
  expect(weights.equals(await readFile(join(source, "model.safetensors")))).toBe(true);
  const config = JSON.parse(await readFile(at("dual", "config.json"), "utf8")) as object;
  expect(config).toMatchObject({
    architectures: ["VisionTextDualEncoderModel"],
    vision_config: { model_type: "vit", pooler_act: "tanh" },
  });
  expect(await refusal(source, "openai")).toContain(
    "openai, which holds CLIP and SigLIP as open_clip builds them: there is no place for vision_model.pooler",
  );
  expect(await refusal(source, "open_clip")).toContain("no place for vision_model.pooler");
});

test("what transformers cannot load is saved in our own format, and why is said", async () => {
  expect(await convert(joined, at("own"), "hf")).toContain(
    'config.json is clip-ts\'s own, which transformers does not load: its RoBERTa pools by "first"',
  );
  expect(JSON.parse(await readFile(at("own", "config.json"), "utf8"))).toMatchObject({
    model_type: "clip-ts",
  });
});

test("a model that the library does not compute is refused, and nothing is written", async () => {
  const clip = writeGoldenModel(at("clip"), "hf");
  expect(await refusal(clip, "torchvision")).toContain(
    "torchvision cannot run this model: the vision tower's preNorm is true, and there it is always false.",
  );
  expect(await refusal(clip, "roberta")).toContain(
    'RobertaModel cannot run this model: its text tower is of kind "clip".',
  );
  expect(await refusal(clip, "big_vision")).toContain("big_vision cannot run this model");
});
