// Models of other families than CLIP's ViT, exported and loaded by the real @huggingface/transformers.
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goldenArrays, goldenPath, largestDifference, writeGoldenModel } from "@clip-ts/test-utils";
import {
  CLIPModel,
  CLIPTextModelWithProjection,
  env,
  SiglipModel,
  SiglipTextModel,
  SiglipVisionModel,
  Tensor,
} from "@huggingface/transformers";
import { afterAll, expect, test } from "vitest";
import { exportOnnxFolder } from "./export-model.ts";

env.allowRemoteModels = false;

const folder = await mkdtemp(join(tmpdir(), "clip-ts-families-"));
afterAll(() => rm(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

type Outputs = Readonly<Record<string, Tensor>>;
type Golden = ReturnType<typeof goldenArrays>;

/** Copies a reference model's files into a folder of their own. */
async function copyModel(name: string, files: readonly string[]): Promise<string> {
  await mkdir(at(name), { recursive: true });
  for (const file of files) await copyFile(goldenPath(`${name}/${file}`), join(at(name), file));
  return at(name);
}

/** Reference inputs as the library's tensors. */
const inputsOf = ({ input_ids: ids, pixel_values: pixels }: Golden) => ({
  input_ids: new Tensor("int64", BigInt64Array.from(ids!.values, BigInt), [...ids!.shape]),
  pixel_values: new Tensor("float32", pixels!.values as Float32Array, [...pixels!.shape]),
});

function expectClose(actual: Tensor | undefined, expected: Golden[string] | undefined, bound = 1e-5): void {
  expect(actual!.dims).toEqual(expected!.shape);
  const difference = largestDifference(actual!.data as Float32Array, expected!.values);
  expect(difference).toBeLessThan(bound);
}

/** Rows scaled to length 1. */
function unitRows({ data, dims }: Tensor): Tensor {
  const width = dims.at(-1)!;
  const values = Float32Array.from(data as Float32Array);
  for (let start = 0; start < values.length; start += width) {
    const row = values.subarray(start, start + width);
    const length = Math.hypot(...row);
    row.forEach((value, index) => (row[index] = value / length));
  }
  return new Tensor("float32", values, dims);
}

test("SigLIP is SigLIP there: its logits, and its towers' pooled outputs", async () => {
  const model = await copyModel("siglip", ["config.json", "model.safetensors"]);
  await exportOnnxFolder(model, at("siglip-out"), { precisions: ["f32"] });
  const golden = goldenArrays("siglip/io.safetensors");
  const given = inputsOf(golden);
  const whole = await SiglipModel.from_pretrained(at("siglip-out"));
  const output = (await whole(given)) as Outputs;
  expectClose(output["text_embeds"], golden["text_embeds"]);
  expectClose(output["image_embeds"], golden["image_embeds"]);
  const logits = output["logits_per_text"]!.data as Float32Array;
  expect(largestDifference(logits, golden["logits_per_text"]!.values)).toBeLessThan(1e-4);
  const text = await SiglipTextModel.from_pretrained(at("siglip-out"));
  expectClose(unitRows(((await text(given)) as Outputs)["pooler_output"]!), golden["text_embeds"]);
  const vision = await SiglipVisionModel.from_pretrained(at("siglip-out"));
  const images = (await vision(given)) as Outputs;
  expectClose(unitRows(images["pooler_output"]!), golden["image_embeds"]);
  for (const session of [whole, text, vision]) await session.dispose();
});

test("open_clip's ResNet goes where a CLIP goes, in every precision", async () => {
  const names = ["open_clip_config.json", "open_clip_model.safetensors"];
  await exportOnnxFolder(await copyModel("clip-resnet", names), at("resnet-out"));
  const golden = goldenArrays("clip-resnet/io.safetensors");
  for (const [dtype, bound] of [
    ["fp32", 1e-5],
    ["fp16", 3e-3],
    ["q8", 0.05],
  ] as const) {
    const model = await CLIPModel.from_pretrained(at("resnet-out"), { dtype });
    const output = (await model(inputsOf(golden))) as Outputs;
    expectClose(output["image_embeds"], golden["image_embeds_eval"], bound);
    expectClose(output["text_embeds"], golden["text_embeds"], bound);
    await model.dispose();
  }
});

test("weights in files beside the model are found", async () => {
  const model = writeGoldenModel(at("golden"), "hf");
  const largestFile = 200_000;
  await exportOnnxFolder(model, at("split"), { precisions: ["f32", "q8"], largestFile });
  const files = await readdir(at("split/onnx"));
  expect(files).toContain("model.onnx_data");
  expect(files).toContain("model.onnx_data_4");
  expect(files).toContain("model_quantized.onnx_data");
  const config = JSON.parse(await readFile(at("split/config.json"), "utf8")) as {
    "transformers.js_config": { use_external_data_format: Record<string, number> };
  };
  const counts = config["transformers.js_config"].use_external_data_format;
  expect(counts["model.onnx"]).toBe(files.filter((name) => name.startsWith("model.onnx_data")).length);
  const golden = goldenArrays("clip-vit/io.safetensors");
  const text = await CLIPTextModelWithProjection.from_pretrained(at("split"));
  const output = (await text(inputsOf(golden))) as Outputs;
  expectClose(unitRows(output["text_embeds"]!), golden["text_embeds"]);
  const small = await CLIPModel.from_pretrained(at("split"), { dtype: "q8" });
  const rough = ((await small(inputsOf(golden))) as Outputs)["image_embeds"]!;
  expect(largestDifference(rough.data as Float32Array, golden["image_embeds"]!.values)).toBeLessThan(0.05);
  await Promise.all([text.dispose(), small.dispose()]);
});
