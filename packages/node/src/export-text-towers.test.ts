// Models whose text towers were made for language, exported and loaded by the real @huggingface/transformers.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goldenArrays, goldenPath, largestDifference } from "@clip-ts/test-utils";
import { ChineseCLIPModel, CLIPModel, env, Tensor } from "@huggingface/transformers";
import { afterAll, expect, test } from "vitest";
import { exportOnnxFolder } from "./export-model.ts";
import { openModel } from "./open-model.ts";
import { writeDescription } from "./write-model.ts";

env.allowRemoteModels = false;

const folder = await mkdtemp(join(tmpdir(), "clip-ts-text-towers-"));
afterAll(() => rm(folder, { recursive: true }));

type Golden = ReturnType<typeof goldenArrays>;

/** Reference inputs as the library's tensors; where a file has no mask, every token may be seen. */
function inputsOf({ input_ids: ids, attention_mask: mask, pixel_values: pixels }: Golden, pad: number) {
  const wide = (values: ArrayLike<number>): Tensor =>
    new Tensor("int64", BigInt64Array.from(Array.from(values), BigInt), [...ids!.shape]);
  const seen = mask?.values ?? ids!.values.map((id) => (id === pad ? 0 : 1));
  return {
    input_ids: wide(ids!.values),
    attention_mask: wide(seen),
    pixel_values: new Tensor("float32", pixels!.values as Float32Array, [...pixels!.shape]),
  };
}

function expectClose(actual: Tensor | undefined, expected: Golden[string] | undefined, bound: number): void {
  expect(actual!.dims).toEqual(expected!.shape);
  expect(largestDifference(actual!.data as Float32Array, expected!.values)).toBeLessThan(bound);
}

test.each([
  ["bert", CLIPModel],
  ["chinese-clip", CLIPModel],
  ["chinese-clip", ChineseCLIPModel],
  ["metaclip-2", CLIPModel],
  ["altclip", CLIPModel],
  ["xlm-roberta", CLIPModel],
  ["nllb", CLIPModel],
  ["mt5", CLIPModel],
] as const)("%s gives Python's features and logits there, as %o", async (family, kind) => {
  const out = join(folder, `${family}-${kind === CLIPModel ? "clip" : "chinese"}`);
  const place = goldenPath(`text-towers/${family}`);
  await exportOnnxFolder(place, out, { precisions: ["f32"] });
  const { config } = await openModel(place);
  const golden = goldenArrays(`text-towers/${family}/io.safetensors`);
  const model = await kind.from_pretrained(out);
  const output = (await model(inputsOf(golden, config.text.padTokenId))) as Readonly<Record<string, Tensor>>;
  expectClose(output["text_embeds"], golden["text_embeds"], 1e-5);
  expectClose(output["image_embeds"], golden["image_embeds"], 1e-5);
  expectClose(output["logits_per_image"], golden["logits_per_image"], 5e-5);
  await model.dispose();
});

test.each(["bert", "chinese-clip", "metaclip-2", "altclip"])("what is written of %s has its type", async (family) => {
  const place = goldenPath(`text-towers/${family}`);
  const out = join(folder, `${family}-written`);
  await writeDescription(out, await openModel(place));
  const read = async (path: string) => JSON.parse(await readFile(join(path, "config.json"), "utf8")) as object;
  const { text_config, vision_config, model_type, projection_dim } = (await read(out)) as Record<string, unknown>;
  const original = (await read(place)) as Record<string, object>;
  expect([model_type, projection_dim]).toEqual([original["model_type"], 8]);
  const { eos_token_id: _end, projection_dim: _joint, ...text } = text_config as Record<string, unknown>;
  const { projection_dim: _same, ...vision } = vision_config as Record<string, unknown>;
  expect(original).toMatchObject({ text_config: text, vision_config: vision });
});
