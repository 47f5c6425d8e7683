// Exported SavedModels, run by TensorFlow as tfjs-node brings it.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goldenArrays, goldenTensors, largestDifference, writeGoldenModel } from "@clip-ts/test-utils";
import { getBackend, setBackend, slice, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportSavedModel } from "./export-model.ts";

/** What of tfjs-node is used here. */
interface TfjsNode {
  readonly node: {
    getMetaGraphsFromSavedModel(path: string): Promise<
      {
        tags: string[];
        signatureDefs: Record<string, Record<"inputs" | "outputs", Record<string, { shape: unknown }>>>;
      }[]
    >;
    loadSavedModel(path: string, tags: string[], signature: string): Promise<SavedModel>;
  };
}

interface SavedModel {
  predict(inputs: Record<string, Tensor>): Record<string, Tensor>;
  dispose(): void;
}

/** tfjs-node, if its native part is there. */
function loadTensorflow(): TfjsNode | undefined {
  const own = createRequire(import.meta.url);
  const require = createRequire(own.resolve("@clip-ts/engines/package.json")); // whose peer it is
  const given = process.env["CLIP_TS_TFJS_NODE"];
  try {
    const folder = given ?? join(require.resolve("@tensorflow/tfjs-node/package.json"), "..");
    if (!existsSync(join(folder, "lib/napi-v8/tfjs_binding.node"))) return undefined;
    process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
    return require(folder) as TfjsNode;
  } catch {
    return undefined;
  }
}

const before = getBackend();
const tfjs = loadTensorflow();
await setBackend(before);
if (tfjs === undefined) {
  console.warn("Skipped: running exported SavedModels, as tfjs-node has no native part here.");
}

const folder = await mkdtemp(join(tmpdir(), "clip-ts-saved-"));
afterAll(() => rm(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  await exportSavedModel(writeGoldenModel(at("source"), "hf"), at("saved"));
});

test("holds one graph, and what describes the model", async () => {
  expect((await readdir(at("saved"))).toSorted()).toEqual([
    "config.json",
    "preprocessor_config.json",
    "saved_model.pb",
  ]);
});

describe.skipIf(tfjs === undefined)("in TensorFlow", () => {
  beforeAll(() => setBackend("tensorflow"));
  afterAll(() => setBackend(before));

  test("its entry points take any batch and any number of tokens", async () => {
    const [graph] = await tfjs!.node.getMetaGraphsFromSavedModel(at("saved"));
    expect(graph?.tags).toEqual(["serve"]);
    const entryPoints = Object.entries(graph?.signatureDefs ?? {}).map(([name, signature]) => [
      name,
      Object.keys(signature.inputs).toSorted(),
      Object.keys(signature.outputs).toSorted(),
    ]);
    expect(entryPoints.toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
      ["encode_image", ["pixel_values"], ["image_embeds"]],
      ["encode_text", ["input_ids"], ["text_embeds"]],
      [
        "serving_default",
        ["input_ids", "pixel_values"],
        ["image_embeds", "logits_per_image", "logits_per_text", "text_embeds"],
      ],
    ]);
  });

  test("gives Python's logits and embeddings, whole batches and parts", async () => {
    const { input_ids: ids, pixel_values: pixels } = goldenTensors("clip-vit/io.safetensors");
    const expected = goldenArrays("clip-vit/io.safetensors");
    const whole = await tfjs!.node.loadSavedModel(at("saved"), ["serve"], "serving_default");
    const output = whole.predict({ input_ids: ids!, pixel_values: pixels! });
    for (const name of ["text_embeds", "image_embeds", "logits_per_image"]) {
      const difference = largestDifference(await output[name]!.data(), expected[name]!.values);
      expect(difference, name).toBeLessThan(name === "logits_per_image" ? 1e-4 : 1e-5);
    }
    const text = await tfjs!.node.loadSavedModel(at("saved"), ["serve"], "encode_text");
    const one = text.predict({ input_ids: slice(ids!, [0, 0], [2, 16]) })["text_embeds"]!;
    expect(one.shape).toEqual([2, 40]);
    const values = await one.data();
    const length = Math.hypot(...values.slice(0, 40));
    const unit = values.slice(0, 40).map((value) => value / length);
    expect(largestDifference(unit, expected["text_embeds"]!.values.slice(0, 40))).toBeLessThan(1e-5);
    whole.dispose();
    text.dispose();
  });
});
