import { flattenTree, unflattenLike, valueAndGradient } from "@clip-ts/core";
import { clipSpec, forward, parseClipConfig, type ClipParams } from "@clip-ts/model";
import { clipByGlobalNorm, createOptimizer } from "@clip-ts/optim";
import { goldenArrays, goldenJson, largestDifference, relativeError, type GoldenArray } from "@clip-ts/test-utils";
import { clipByValue, type Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { type HostArray, type HostArrays, type InputSpec, interpret, type NamedTensors, trace } from "@clip-ts/jit";
import { compileTensorflow, createTensorflowModule } from "./tensorflow-module.ts";
import type { Precision } from "./graph-builder.ts";
import { operationCases } from "../../jit/src/trace/operation-cases.test.ts";
import { folders, hasOwnOperations, hasOwnGemm, hasTensorflow } from "./tensorflow-here.test.ts";

const numbered = (tensors: readonly Tensor[], prefix: string): NamedTensors =>
  Object.fromEntries(tensors.map((tensor, index) => [`${prefix}${index}`, tensor]));

async function toHost(tensors: NamedTensors): Promise<HostArrays> {
  const arrays = Object.entries(tensors).map(async ([name, tensor]) => {
    const data = (await tensor.data()) as Float32Array;
    return [name, { data, shape: tensor.shape }] as const;
  });
  return Object.fromEntries(await Promise.all(arrays));
}

const fromGolden = ({ values, shape }: GoldenArray): HostArray => ({ data: values, shape });

/** Input specs of arrays. */
const specsOf = (arrays: HostArrays): Record<string, InputSpec> =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, { data, shape }]) => [
      name,
      { shape, dtype: data instanceof Int32Array ? "int32" : "float32" },
    ]),
  );

const prefixed = <Leaf>(prefix: string, tree: Readonly<Record<string, Leaf>>): Record<string, Leaf> =>
  Object.fromEntries(Object.entries(tree).map(([path, leaf]) => [`${prefix}:${path}`, leaf]));

const withoutPrefix = <Leaf>(prefix: string, named: Readonly<Record<string, Leaf>>): Record<string, Leaf> =>
  Object.fromEntries(
    Object.entries(named)
      .filter(([name]) => name.startsWith(`${prefix}:`))
      .map(([name, leaf]) => [name.slice(prefix.length + 1), leaf]),
  );

const config = hasTensorflow ? parseClipConfig(goldenJson("clip-vit/config.json")) : undefined;

describe.skipIf(!hasTensorflow)("on TensorFlow", () => {
  test.each(operationCases)("$name gives what tfjs gives", async ({ inputs, run }) => {
    const given = numbered(inputs, "x");
    const spec = Object.fromEntries(
      Object.entries(given).map(([name, { shape, dtype }]) => [name, { shape, dtype: dtype as never }]),
    );
    const graph = trace((traced) => numbered([run(...Object.values(traced))].flat(), "y"), spec);
    const compiled = await compileTensorflow(graph, { folders });
    const actual = await compiled.run(await toHost(given));
    await compiled.dispose();
    for (const [name, tensor] of Object.entries(interpret(graph, given))) {
      const array = actual[name] as HostArray;
      expect(array.shape).toEqual(tensor.shape);
      expect(largestDifference(array.data as Float32Array, await tensor.data())).toBeLessThan(1e-5);
    }
  });

  test("results go to the caller's memory, and a wrong shape is named", async () => {
    const graph = trace(({ x }) => ({ y: clipByValue(x as Tensor, 0, 1) }), { x: { shape: [3] } });
    const compiled = await compileTensorflow(graph, { folders });
    const y = { data: new Float32Array(3), shape: [3] };
    await compiled.run({ x: { data: Float32Array.of(-1, 0.5, 2), shape: [3] } }, { y });
    expect([...y.data]).toEqual([0, 0.5, 1]);
    const wrong = compiled.run({ x: { data: new Float32Array(2), shape: [2] } });
    await expect(wrong).rejects.toThrow("takes x [3] of float32, not [2] of float32");
    await compiled.dispose();
  });

  test("outputs and every gradient equal Hugging Face's CLIPModel", async () => {
    const clip = config as NonNullable<typeof config>;
    const params = Object.entries(goldenArrays("clip-vit/model.safetensors"));
    const io = goldenArrays("clip-vit/io.safetensors");
    const inputs: Record<string, HostArray> = {
      ...Object.fromEntries(params.map(([path, array]) => [path, fromGolden(array)])),
      pixelValues: fromGolden(io["pixel_values"] as GoldenArray),
      inputIds: fromGolden(io["input_ids"] as GoldenArray),
    };
    const graph = trace(({ pixelValues, inputIds, ...leaves }) => {
      const batch = { pixelValues: pixelValues as Tensor, inputIds: inputIds as Tensor };
      const tree = unflattenLike(clipSpec(clip), leaves) as ClipParams;
      const { gradient, aux } = valueAndGradient((at: ClipParams) => {
        const { loss, imageFeatures, textFeatures } = forward(at, batch, clip);
        return { loss, aux: { imageFeatures, textFeatures } };
      }, tree);
      return { ...aux, ...prefixed("gradient", flattenTree<Tensor>(gradient)) };
    }, specsOf(inputs));
    const compiled = await compileTensorflow(graph, { folders });
    const results = await compiled.run(inputs);
    await compiled.dispose();
    for (const [name, golden] of [
      ["imageFeatures", "image_embeds"],
      ["textFeatures", "text_embeds"],
    ] as const) {
      const { data } = results[name] as HostArray;
      expect(largestDifference(data as Float32Array, io[golden]!.values)).toBeLessThan(1e-5);
    }
    const gradients = Object.entries(goldenArrays("clip-vit/grads.safetensors"));
    expect(gradients.length).toBeGreaterThan(50);
    for (const [path, { values }] of gradients) {
      const { data } = results[`gradient:${path}`] as HostArray;
      expect(relativeError(data as Float32Array, values, 1e-3), path).toBeLessThan(1e-4);
    }
  });

  const ways = [
    ["f32", "AdamW fused", 5e-5],
    ["f32", "nothing fused", 5e-5],
    ["bf16", "AdamW fused", 1e-2],
    ["f32", "own operations", 5e-5],
    ["f32", "rows fused", 5e-5],
    ["bf16", "own operations", 1e-2],
    ["f32", "own GEMM", 5e-5],
    ["bf16", "own GEMM", 1e-2],
  ] as const;
  const possible = ways.filter(([, way]) => {
    if (way === "own GEMM") return hasOwnGemm;
    return hasOwnOperations || way === "AdamW fused" || way === "nothing fused";
  });
  test.each(possible)("12 steps follow PyTorch's history (%s, %s)", async (precision, way, tolerance) => {
    const { program, run } = await goldenTraining(precision, way);
    const { history } = goldenJson("clip-vit/train.json") as {
      history: { lr: number; loss: number; grad_norm: number; logit_scale: number }[];
    };
    for (const [step, reference] of history.entries()) {
      const { loss, norm, logitScale } = await run(step, reference.lr);
      expect(Math.abs(loss / reference.loss - 1), `step ${step}`).toBeLessThan(tolerance);
      expect(Math.abs(logitScale - reference.logit_scale)).toBeLessThan(tolerance);
      if (precision === "bf16") continue;
      expect(Math.abs(norm / reference.grad_norm - 1)).toBeLessThan(1e-3);
    }
    if (precision === "f32") {
      const state = await program.readState();
      for (const [path, { values }] of Object.entries(goldenArrays("clip-vit/train-final.safetensors"))) {
        const { data } = state[`param:${path}`] as HostArray;
        expect(largestDifference(data as Float32Array, values), path).toBeLessThan(1e-3);
      }
    }
    await program.dispose();
  });
});

/** The reference's recipe, traced and compiled: AdamW, clipping, clamp. */
async function goldenTraining(
  precision: Precision,
  way: "AdamW fused" | "nothing fused" | "own operations" | "own GEMM" | "rows fused",
) {
  const clip = config as NonNullable<typeof config>;
  const spec = clipSpec(clip);
  const golden = goldenArrays("clip-vit/model.safetensors");
  const params = Object.fromEntries(Object.entries(golden).map(([path, array]) => [path, fromGolden(array)]));
  const zeros = Object.fromEntries(
    Object.entries(params).map(([path, { data, shape }]) => [path, { data: new Float32Array(data.length), shape }]),
  );
  const optimizer = createOptimizer({ kind: "adamw", beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.2 }, params);
  const state = {
    ...prefixed("param", params),
    ...prefixed("first", zeros),
    ...prefixed("second", zeros),
  };
  const batches = goldenArrays("clip-vit/train-batches.safetensors");
  const batchOf = (step: number): HostArrays => ({
    pixelValues: fromGolden(batches[`pixel_values.${step}`] as GoldenArray),
    inputIds: fromGolden(batches[`input_ids.${step}`] as GoldenArray),
  });
  const scalars = (step: number, learningRate: number): HostArrays =>
    prefixed(
      "scalar",
      Object.fromEntries(
        Object.entries(optimizer.scalars(step, learningRate)).map(([name, value]) => [
          name,
          { data: Float32Array.of(value), shape: [] },
        ]),
      ),
    );
  const inputs = { ...state, ...batchOf(0), ...scalars(0, 1) };
  const graph = trace((given) => {
    const batch = {
      pixelValues: given["pixelValues"] as Tensor,
      inputIds: given["inputIds"] as Tensor,
    };
    const tree = unflattenLike(spec, withoutPrefix("param", given)) as ClipParams;
    const { value, gradient } = valueAndGradient((at: ClipParams) => ({ loss: forward(at, batch, clip).loss }), tree);
    const { grads, norm } = clipByGlobalNorm(flattenTree<Tensor>(gradient), 1);
    const copied = (prefix: string): Record<string, Tensor> =>
      Object.fromEntries(Object.entries(withoutPrefix(prefix, given)).map(([path, leaf]) => [path, leaf.clone()]));
    const next = optimizer.update({
      params: copied("param"),
      grads,
      slots: { first: copied("first"), second: copied("second") },
      scalars: withoutPrefix("scalar", given) as never,
    });
    const logitScale = clipByValue(next.params["logit_scale"] as Tensor, 0, Math.log(100));
    return {
      loss: value,
      norm,
      logitScale: logitScale.clone(),
      ...prefixed("next:param", { ...next.params, logit_scale: logitScale }),
      ...prefixed("next:first", next.slots["first"]!),
      ...prefixed("next:second", next.slots["second"]!),
    };
  }, specsOf(inputs));
  const updates = Object.fromEntries(Object.keys(state).map((name) => [name, `next:${name}`]));
  const program = await createTensorflowModule(
    {
      state: specsOf(state),
      entryPoints: {
        train: { graph, updates, fusesAdamw: way !== "nothing fused" && way !== "rows fused" },
      },
      precision,
      hasOwnOperations: way !== "AdamW fused" && way !== "nothing fused",
      hasOwnGemm: way === "own GEMM",
      staysExact: (name) => name.includes("projection") || name.includes("text_model.encoder.layers.0.mlp.fc2."),
    },
    folders,
  );
  await program.writeState(state);
  return {
    program,
    async run(step: number, learningRate: number): Promise<Record<"loss" | "norm" | "logitScale", number>> {
      const feeds = { ...batchOf(step), ...scalars(step, learningRate) };
      const results = await program.run("train", feeds);
      const number = (name: string): number => results[name]?.data[0] as number;
      return { loss: number("loss"), norm: number("norm"), logitScale: number("logitScale") };
    },
  };
}
