// Models whose text towers were made for language, compiled, exported and written again.
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { randomStream } from "@clip-ts/base";
import { flattenTree, unflattenLike } from "@clip-ts/core";
import { closing, loadModelParams } from "@clip-ts/inference";
import { trace, type CompiledFunction, type Graph, type HostArray, type NamedTensors } from "@clip-ts/jit";
import { clipSpec, lossGradients, type ClipConfig, type ClipParams, type PairBatch } from "@clip-ts/model";
import { compileOnnx } from "@clip-ts/onnx";
import { compileTensorflow, type FolderAccess } from "@clip-ts/tensorflow";
import {
  goldenArrays,
  goldenPath,
  relativeError,
  renamedArrays,
  useEngine,
  type GoldenArray,
} from "@clip-ts/test-utils";
import { drawTextDropout } from "@clip-ts/text-encoder";
import { convertTensors } from "@clip-ts/weights";
import { getBackend, setBackend, tensor, type Tensor } from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { beforeAll, expect, test } from "vitest";
import { openModel } from "./open-model.ts";

const families = ["bert", "chinese-clip", "metaclip-2", "altclip", "xlm-roberta", "nllb", "mt5"] as const;
type Family = (typeof families)[number];
type Arrays = Readonly<Record<string, HostArray>>;

/** The file system, for SavedModels. */
const folders: FolderAccess = {
  async create(files) {
    const folder = await mkdtemp(join(tmpdir(), "clip-ts-saved-model-"));
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
    return folder;
  },
  remove: (folder) => rm(folder, { recursive: true }),
};

/** Registers tfjs's backend "tensorflow", where its native part is here. */
function loadTensorflow(): boolean {
  const require = createRequire(new URL("../../engines/package.json", import.meta.url));
  try {
    const folder = process.env["CLIP_TS_TFJS_NODE"] ?? dirname(require.resolve("@tensorflow/tfjs-node/package.json"));
    if (!existsSync(join(folder, "lib/napi-v8/tfjs_binding.node"))) return false;
    process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
    const current = getBackend();
    require(folder);
    void setBackend(current);
    return true;
  } catch {
    return false;
  }
}

const hasTensorflow = loadTensorflow();

beforeAll(() => useEngine("wasm"));

interface Case {
  readonly config: ClipConfig;
  readonly params: ClipParams;
  readonly batch: PairBatch;
  readonly checkpoint: boolean;
}

async function load(family: Family): Promise<Case> {
  const folder = goldenPath(`text-towers/${family}`);
  const { config } = await openModel(folder);
  const io = goldenArrays(`text-towers/${family}/io.safetensors`);
  const upload = (name: string, dtype: "int32" | "float32"): Tensor =>
    tensor(io[name]!.values, [...io[name]!.shape], dtype);
  const params = await closing(await openModel(folder), loadModelParams);
  const batch = { pixelValues: upload("pixel_values", "float32"), inputIds: upload("input_ids", "int32") };
  return { config, params, batch, checkpoint: false };
}

const prefixed = (prefix: string, leaves: NamedTensors): NamedTensors =>
  Object.fromEntries(Object.entries(leaves).map(([path, leaf]) => [`${prefix}:${path}`, leaf]));

/** Features, logits, loss and gradients in one flat record. */
function outputsOf({ config, params, batch, checkpoint }: Case): NamedTensors {
  const { output, gradients } = lossGradients(params, batch, config, { checkpoint });
  const { statistics: _none, ...tensors } = output;
  return { ...tensors, ...prefixed("gradient", gradients) };
}

function inputsOf({ params, batch }: Case): NamedTensors {
  return { ...prefixed("batch", batch as unknown as NamedTensors), ...flattenTree<Tensor>(params) };
}

/** The same pass of whatever tensors have these names. */
const traceCase = (given: Case): Graph =>
  trace(
    (named) => {
      const batch = Object.entries(named).flatMap(([name, value]) =>
        name.startsWith("batch:") ? [[name.slice("batch:".length), value] as const] : [],
      );
      const leaves = Object.fromEntries(Object.entries(named).filter(([name]) => !name.startsWith("batch:")));
      return outputsOf({
        ...given,
        params: unflattenLike(clipSpec(given.config), leaves) as ClipParams,
        batch: Object.fromEntries(batch) as unknown as PairBatch,
      });
    },
    Object.fromEntries(
      Object.entries(inputsOf(given)).map(([name, { shape, dtype }]) => [name, { shape, dtype: dtype as "float32" }]),
    ),
  );

async function runCompiled(given: Case, compiled: CompiledFunction): Promise<Arrays> {
  const arrays = Object.entries(inputsOf(given)).map(async ([name, leaf]): Promise<[string, HostArray]> => {
    return [name, { data: (await leaf.data()) as Float32Array, shape: leaf.shape }];
  });
  const outputs = await compiled.run(Object.fromEntries(await Promise.all(arrays)));
  await compiled.dispose();
  return outputs;
}

/** Reference arrays under our names. */
const canonical = (file: string): Promise<Readonly<Record<string, GoldenArray>>> =>
  renamedArrays(goldenArrays(file), (tensors) => convertTensors(tensors, "huggingface"));

async function expectPythons(family: Family, actual: Arrays): Promise<void> {
  const values = (name: string): Float32Array => actual[name]!.data as Float32Array;
  const io = goldenArrays(`text-towers/${family}/io.safetensors`);
  for (const [ours, theirs] of [
    ["imageFeatures", "image_embeds"],
    ["textFeatures", "text_embeds"],
    ["logitsPerImage", "logits_per_image"],
    ["loss", "loss"],
  ] as const) {
    expect(relativeError(values(ours), io[theirs]!.values), ours).toBeLessThan(1e-5);
  }
  for (const [path, { values: expected }] of Object.entries(
    await canonical(`text-towers/${family}/grads.safetensors`),
  )) {
    expect(relativeError(values(`gradient:${path}`), expected, 1e-3), path).toBeLessThan(1e-4);
  }
}

test.each(families)("%s on ONNX Runtime: features, loss and gradients equal Python's", async (family) => {
  const given = await load(family);
  await expectPythons(family, await runCompiled(given, await compileOnnx(traceCase(given), { runtime, threads: 1 })));
});

test.skipIf(!hasTensorflow).each(families)(
  "%s on TensorFlow: features, loss and gradients equal Python's",
  async (family) => {
    const given = await load(family);
    await expectPythons(family, await runCompiled(given, await compileTensorflow(traceCase(given), { folders })));
  },
);

test.each(["chinese-clip", "altclip", "nllb", "mt5"] as const)(
  "%s recomputes its blocks, and drops what a step says, alike in compiled and eager passes",
  async (family) => {
    const plain = await load(family);
    const dropout = family === "mt5" ? {} : { hiddenDropout: 0.3, attentionDropout: 0.3 };
    const config = { ...plain.config, text: { ...plain.config.text, ...dropout } } as ClipConfig;
    const [batch = 0, tokens = 0] = plain.batch.inputIds.shape;
    const drawn = Object.entries(drawTextDropout(config.text, { batch, tokens }, randomStream(1)));
    expect(drawn).toHaveLength(family === "mt5" ? 0 : 2);
    const kept = drawn.map(([name, { data, shape }]) => [name, tensor(data, [...shape], "int32")] as const);
    const given = { ...plain, config, batch: { ...plain.batch, ...Object.fromEntries(kept) }, checkpoint: true };
    const actual = await runCompiled(given, await compileOnnx(traceCase(given), { runtime, threads: 1 }));
    const eager = outputsOf({ ...given, checkpoint: false });
    for (const [name, reference] of Object.entries(eager)) {
      const error = relativeError(actual[name]!.data as Float32Array, await reference.data(), 1e-2);
      expect(error, name).toBeLessThan(1e-4);
    }
    const same = await plainLoss(plain);
    const loss = (actual["loss"]!.data as Float32Array)[0]!;
    if (family === "mt5") expect(loss).toBeCloseTo(same, 5);
    else expect(Math.abs(loss - same)).toBeGreaterThan(1e-3);
  },
);

async function plainLoss(given: Case): Promise<number> {
  return (await outputsOf(given)["loss"]!.data())[0]!;
}
