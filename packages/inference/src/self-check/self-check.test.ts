import { initHostParams, type HostArrays } from "@clip-ts/core";
import { startEngine } from "@clip-ts/engines";
import { clipPreprocess, torchvisionPreprocess } from "@clip-ts/image";
import { clipSpec, preset } from "@clip-ts/model";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { expect, test } from "vitest";
import { engineEmbedder } from "../compiled-towers.ts";
import { tokenizerFor } from "../read-tokenizer.ts";
import { formatSelfCheck, parseSelfCheck, type SelfCheck } from "./file.ts";
import { probePicture } from "./probes.ts";
import { makeSelfCheck, runSelfCheck, withoutPictures, type CheckedModel, type SelfCheckResult } from "./self-check.ts";

const config = preset("nano");
const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
const weights = initHostParams(clipSpec(config), 3);
const maker = { engine: "cpu", precision: "f32", version: "1.0.0" } as const;

/** The model on the running engine, with changed weights or described otherwise. */
async function withModel<Result>(
  use: (model: CheckedModel) => Promise<Result>,
  changes: { readonly weights?: HostArrays; readonly description?: Partial<CheckedModel["description"]> } = {},
): Promise<Result> {
  const embedder = await engineEmbedder(changes.weights ?? weights, config, undefined);
  try {
    return await use({ description: { ...description, ...changes.description }, embedder });
  } finally {
    embedder.dispose();
  }
}

await startEngine("cpu");
const check = await withModel((model) => makeSelfCheck(model, maker));

const run = (changes: Parameters<typeof withModel>[1], of: SelfCheck = check): Promise<SelfCheckResult> =>
  withModel((model) => runSelfCheck(of, model), changes);

/** Weights of which one has one bit flipped. */
function flipped(path: string, at: number, bit: number): HostArrays {
  const { data, shape } = weights[path]!;
  const copy = Float32Array.from(data as Float32Array);
  const bits = new Uint32Array(copy.buffer);
  bits[at] = (bits[at] ?? 0) ^ (1 << bit);
  return { ...weights, [path]: { data: copy, shape } };
}

test("the model that was proved passes to the bit, from the file as well", async () => {
  const text = formatSelfCheck(check);
  const read = parseSelfCheck(text, "self-check.json");
  expect(read).toEqual(check);
  const result = await run({}, read);
  expect(result).toMatchObject({ passed: true, largest: 0 });
  const stored = [...check.pictures!.features, ...check.captions.features].map((row) => Float32Array.from(row));
  expect(result.features).toEqual(stored);
});

test("every engine passes, each within a thousandth of what is allowed or so", async () => {
  for (const name of ["onnx", "wasm", "cpu"] as const) {
    const { compiler } = await startEngine(name);
    const embedder = await engineEmbedder(weights, config, compiler);
    const { passed, largest, allowed } = await runSelfCheck(check, { description, embedder });
    embedder.dispose();
    expect([name, passed]).toEqual([name, true]);
    expect(largest).toBeLessThan(allowed / 20);
  }
  await startEngine("cpu");
});

test.each([
  ["the sign of a weight that projects pictures", "visual_projection.weight", 5, 31],
  ["the lowest exponent bit of a norm's gain", "vision_model.post_layernorm.weight", 2, 23],
  ["the highest exponent bit of a text weight", "text_model.encoder.layers.0.mlp.fc1.weight", 9, 30],
])("a flipped bit is found: %s", async (_, path, at, bit) => {
  const result = await run({ weights: flipped(path, at, bit) });
  expect(result).toMatchObject({ passed: false, fault: "features" });
  expect(result.largest).toBeGreaterThan(check.tolerances.f32);
});

test("weights that are no numbers fail, and cannot be proved", async () => {
  const broken = { weights: { ...weights, "text_projection.weight": nan("text_projection.weight") } };
  const result = await run(broken);
  expect(result).toMatchObject({ passed: false, fault: "features", largest: Number.POSITIVE_INFINITY });
  expect(result.said).toContain("no number");
  await expect(withModel((model) => makeSelfCheck(model, maker), broken)).rejects.toThrow("cannot be proved");
});

function nan(path: string): HostArrays[string] {
  const { data, shape } = weights[path]!;
  return { data: new Float32Array(data.length).fill(Number.NaN), shape };
}

test.each([
  ["another fit", { ...clipPreprocess(8), resize: "squash" as const }],
  ["another filter", { ...clipPreprocess(8), interpolation: "bilinear" as const }],
  ["other means", { ...clipPreprocess(8), mean: [0.5, 0.5, 0.5] as const }],
])("another preprocessing is told from a wrong engine: %s", async (_, preprocess) => {
  expect(await run({ description: { preprocess } })).toMatchObject({ passed: false, fault: "preprocessing" });
});

test("a preprocessing that makes the same pixels of plain pictures passes", async () => {
  const preprocess = { ...torchvisionPreprocess(clipPreprocess(8)), centerCrop: "floor" as const };
  expect(await run({ description: { preprocess } })).toMatchObject({ passed: true, largest: 0 });
});

test.each([
  ["that repairs nothing", { clean: false }],
  ["that drops punctuation", { clean: "canonicalize" as const }],
  ["with fewer merges", { vocabSize: 590 }],
])("another tokenizer is told from a wrong tower: one %s", async (_, changes) => {
  const { vocabSize, contextLength } = config.text;
  const tokenizer = createClipTokenizer({ vocabSize, contextLength, ...changes });
  expect(await run({ description: { tokenizer } })).toMatchObject({ passed: false, fault: "tokenizer" });
});

test("a model without a tokenizer is proved by ids, and one that has lost its own by those in the proof", async () => {
  const { tokenizer: _tokenizer, ...bare } = description;
  const embedder = await engineEmbedder(weights, config, undefined);
  const byIds = await makeSelfCheck({ description: bare, embedder }, maker);
  expect(byIds.captions.texts).toBeUndefined();
  for (const of of [byIds, check]) {
    expect(await runSelfCheck(of, { description: bare, embedder })).toMatchObject({ passed: true });
  }
  embedder.dispose();
});

test("the proof of another model says so", async () => {
  const other = { ...check, dim: 16 };
  const { fault, said } = await run({}, other);
  expect([fault, said]).toEqual([
    "other-model",
    "it is another model's: the values of its features are 16, this model's 8",
  ]);
  expect((await run({}, { ...check, imageSize: 32 })).said).toContain("the size of its images is 32");
  expect((await run({}, withoutPictures({ ...check, imageSize: 32 }))).passed).toBe(true);
  const ids = check.captions.ids.map((row) => row.map(() => 40_000));
  expect((await run({}, { ...check, captions: { ...check.captions, ids } })).said).toContain("token 40000 of 600");
});

test("bf16 may be further off, and so may a proof that bf16 made", async () => {
  const embedder = await engineEmbedder(weights, config, undefined);
  const rough = { ...check, madeBy: { ...maker, precision: "bf16" as const } };
  const { bf16, f32 } = check.tolerances;
  const allowed = async (of: SelfCheck, precision: "f32" | "bf16"): Promise<number> =>
    (await runSelfCheck(of, { description, embedder }, { precision })).allowed;
  expect(await allowed(check, "f32")).toBe(f32);
  expect(await allowed(check, "bf16")).toBe(bf16);
  expect(await allowed(rough, "f32")).toBe(bf16);
  embedder.dispose();
});

test("a probe picture is the same wherever it is drawn", () => {
  const { data, width, height } = probePicture(1);
  expect([width, height, data.length]).toEqual([40, 30, 3600]);
  expect([...data.subarray(0, 6), ...data.subarray(-3)]).toEqual([113, 196, 77, 93, 178, 77, 53, 207, 189]);
});

test.each([
  ["no JSON", (text: string) => text.slice(0, -9), "not valid JSON"],
  ["another file", () => "[1, 2]", "expected an object, got [1,2]"],
  ["a later format", (text: string) => text.replace('"format": 1', '"format": 2'), "expected format 1"],
  ["a row that is cut", (text: string) => text.replace(/"features": \[\n\s+\[[^,]+, /u, '"features": [['), "each row"],
  [
    "a number that is none",
    (text: string) => text.replace(/"prepared": \[\d+/u, '"prepared": ["x"'),
    "pictures.prepared",
  ],
  ["no tolerance", (text: string) => text.replace('"bf16": 0.05', '"bf16": 0'), "tolerances.bf16"],
])("a file that is damaged is refused by name: %s", (_, damage, said) => {
  const text = damage(formatSelfCheck(check));
  expect(() => parseSelfCheck(text, "model/self-check.json")).toThrow(said);
  expect(() => parseSelfCheck(text, "model/self-check.json")).toThrow("model/self-check.json");
});
