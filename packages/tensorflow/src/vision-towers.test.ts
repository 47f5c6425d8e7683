import { flattenTree, isStatistic, unflattenLike, valueAndGradient, type ParamSpec } from "@clip-ts/core";
import { goldenTensors, largestDifference, relativeError } from "@clip-ts/test-utils";
import {
  encodeImage,
  pixelForm,
  visionSpec,
  type NaflexConfig,
  type VisionConfig,
  type VisionParams,
  type VitConfig,
} from "@clip-ts/vision-encoder";
import { mean, slice, square, type Tensor } from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { expect, test } from "vitest";
import {
  type CompiledFunction,
  type Graph,
  type HostArray,
  type HostArrays,
  type NamedTensors,
  optimize,
  peakBytes,
  trace,
  traceSymbolic,
} from "@clip-ts/jit";
import { compileOnnx } from "@clip-ts/onnx";
import { compileTensorflow } from "./tensorflow-module.ts";
import { folders, hasTensorflow } from "./tensorflow-here.test.ts";

/** A tower, weights under its names, pixels, and how it runs. */
interface Case {
  readonly config: VisionConfig;
  readonly leaves: Record<string, Tensor>;
  readonly pixels: Tensor;
  readonly keptPatches?: Tensor;
}

const under = (prefix: string, named: NamedTensors): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(named)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );

const prefixed = (prefix: string, named: NamedTensors): NamedTensors =>
  Object.fromEntries(Object.entries(named).map(([name, value]) => [`${prefix} ${name}`, value]));

const resnet: Case = {
  config: {
    kind: "resnet",
    imageSize: 64,
    channels: 3,
    layers: [1, 2, 1, 1],
    width: 8,
    heads: 32,
    outputDim: 40,
  },
  leaves: under("visual.", goldenTensors("clip-resnet/open_clip_model.safetensors")),
  pixels: goldenTensors("clip-resnet/io.safetensors")["pixel_values"]!,
};
const siglipConfig: VitConfig = {
  imageSize: 32,
  patchSize: 8,
  channels: 3,
  width: 64,
  layers: 2,
  heads: 4,
  mlpWidth: 128,
  activation: "gelu_pytorch_tanh",
  layerNormEps: 1e-6,
  preNorm: false,
  patchBias: true,
  classToken: false,
  pooling: "attention",
};
const siglip: Case = {
  config: siglipConfig,
  leaves: under("vision_model.", goldenTensors("siglip/model.safetensors")),
  pixels: goldenTensors("siglip/io.safetensors")["pixel_values"]!,
};
/** 6 · 6 patches of 5 in images of 32: the last two rows and columns are left out. */
const oddSize: Case = {
  config: { ...siglipConfig, patchSize: 5, width: 16, heads: 2, mlpWidth: 24 },
  leaves: under("vision_model.", goldenTensors("odd-sizes/siglip/model.safetensors")),
  pixels: goldenTensors("odd-sizes/siglip/io.safetensors")["pixel_values"]!,
};

/** Pictures of four shapes, as the tower reads them. */
const naflexConfig: NaflexConfig = {
  kind: "naflex",
  imageSize: 16,
  patchSize: 4,
  channels: 3,
  width: 24,
  layers: 2,
  heads: 2,
  mlpWidth: 40,
  activation: "gelu_pytorch_tanh",
  layerNormEps: 1e-6,
};
const naflex: Case = {
  config: naflexConfig,
  leaves: under("vision_model.", goldenTensors("naflex/model.safetensors")),
  pixels: pixelForm(naflexConfig).published!.read(goldenTensors("naflex/io.safetensors")),
};

function dropout(): Case {
  const named = under("dropout:", goldenTensors("open-clip-vit/options.safetensors"));
  const { pixels, pooled: _, kept, ...leaves } = named;
  return {
    config: {
      imageSize: 16,
      patchSize: 4,
      channels: 3,
      width: 16,
      layers: 2,
      heads: 2,
      mlpWidth: 32,
      activation: "gelu",
      layerNormEps: 1e-5,
    },
    leaves: Object.fromEntries(Object.entries(leaves).filter(([path]) => !path.startsWith("gradient:"))),
    pixels: pixels!,
    keptPatches: kept!,
  };
}

/** Loss, gradients of what is trained, pooled feature and statistics of a step. */
function step({ config }: Case, { pixels, keptPatches, ...leaves }: NamedTensors, checkpoint: boolean): NamedTensors {
  const specs = flattenTree<ParamSpec>(visionSpec(config));
  const learns = ([path]: readonly [string, Tensor]): boolean => !isStatistic(specs[path]!);
  const trained = Object.fromEntries(Object.entries(leaves).filter(learns));
  const { value, gradient, aux } = valueAndGradient((named: NamedTensors) => {
    const all = { ...leaves, ...named };
    const params = unflattenLike(visionSpec(config), all) as VisionParams;
    const options = { training: true, checkpoint, keptPatches };
    const { pooled, statistics } = encodeImage(params, pixels!, config, options);
    return { loss: mean(square(pooled)), aux: { pooled, ...statistics } };
  }, trained);
  return {
    loss: value,
    ...prefixed("gradient", flattenTree<Tensor>(gradient)),
    ...prefixed("aux", aux as NamedTensors),
  };
}

const inputsOf = ({ leaves, pixels, keptPatches }: Case): NamedTensors => ({
  ...leaves,
  pixels,
  ...(keptPatches !== undefined && { keptPatches }),
});

const traceStep = (tower: Case, checkpoint = false): Graph =>
  optimize(
    trace(
      (inputs) => step(tower, inputs, checkpoint),
      Object.fromEntries(
        Object.entries(inputsOf(tower)).map(([name, { shape, dtype }]) => [
          name,
          { shape, dtype: dtype as "float32" | "int32" },
        ]),
      ),
    ),
  );

/** The compiled step gives what the eager one gives on tfjs's cpu backend. */
async function expectSame(tower: Case, compiled: CompiledFunction, checkpoint: boolean): Promise<void> {
  const arrays = Object.entries(inputsOf(tower)).map(async ([name, tensor]) => {
    return [name, { data: (await tensor.data()) as Float32Array, shape: tensor.shape }] as const;
  });
  const actual = await compiled.run(Object.fromEntries(await Promise.all(arrays)));
  await compiled.dispose();
  const expected = step(tower, inputsOf(tower), checkpoint);
  expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [name, tensor] of Object.entries(expected)) {
    const values = await tensor.data();
    const found = actual[name]!.data as Float32Array;
    // Keys' biases have gradients that are rounding noise around 0.
    if (name.startsWith("gradient")) {
      expect(relativeError(found, values, 1e-3), name).toBeLessThan(1e-4);
    } else expect(largestDifference(found, values), name).toBeLessThan(1e-5);
  }
}

const cases = (["resnet", "siglip", "oddSize", "dropout", "naflex"] as const).flatMap((name) =>
  [false, true].map((checkpoint) => ({ name, checkpoint })),
);
const towers = { resnet, siglip, oddSize, naflex, dropout: dropout() };

test.each(cases)("$name trains on ONNX Runtime (checkpointed $checkpoint)", async (given) => {
  const tower = towers[given.name];
  const graph = traceStep(tower, given.checkpoint);
  const compiled = await compileOnnx(graph, { runtime, threads: 1 });
  await expectSame(tower, compiled, given.checkpoint);
});

test.skipIf(!hasTensorflow).each(cases)("$name trains on TensorFlow (checkpointed $checkpoint)", async (given) => {
  const tower = towers[given.name];
  const compiled = await compileTensorflow(traceStep(tower, given.checkpoint), { folders });
  await expectSame(tower, compiled, given.checkpoint);
});

test.each(["resnet", "siglip", "oddSize", "naflex"] as const)(
  "a compiled %s takes batches of any size",
  async (name) => {
    const { config, leaves, pixels } = towers[name];
    const shapes = Object.entries(leaves).map(([path, { shape }]) => [path, { shape }] as const);
    const graph = optimize(
      traceSymbolic(
        ({ pixels: given, ...named }) => {
          const params = unflattenLike(visionSpec(config), named) as VisionParams;
          return { pooled: encodeImage(params, given!, config).pooled };
        },
        { ...Object.fromEntries(shapes), pixels: { shape: ["batch", ...pixelForm(config).shape] } },
      ),
    );
    const compiled = await compileOnnx(graph, { runtime, threads: 1 });
    const hostOf = async (tensor: Tensor): Promise<HostArray> => ({
      data: (await tensor.data()) as Float32Array,
      shape: tensor.shape,
    });
    const named = Object.entries(leaves).map(async ([path, leaf]) => [path, await hostOf(leaf)]);
    const weights = Object.fromEntries(await Promise.all(named)) as HostArrays;
    const params = unflattenLike(visionSpec(config), leaves) as VisionParams;
    for (const batch of [1, 3]) {
      const some = slice(pixels, 0, batch);
      const { pooled } = await compiled.run({ ...weights, pixels: await hostOf(some) });
      const expected = await encodeImage(params, some, config).pooled.data();
      expect(relativeError(pooled!.data as Float32Array, expected)).toBeLessThan(1e-5);
    }
    await compiled.dispose();
  },
);

test("checkpoints halve the memory of a deep tower, and no pass undoes them", () => {
  const config: VisionConfig = { ...siglipConfig, layers: 8 };
  const zeros = Object.fromEntries(
    Object.entries(flattenTree<ParamSpec>(visionSpec(config))).map(([path, { shape }]) => [path, { shape }]),
  );
  const [plain, checkpointed] = [false, true].map((checkpoint) =>
    optimize(
      trace((inputs) => step({ ...siglip, config }, inputs, checkpoint), {
        ...zeros,
        pixels: { shape: [16, 3, 32, 32] },
      }),
    ),
  ) as [Graph, Graph];
  const matmuls = ({ nodes }: Graph): number => nodes.filter(({ op }) => op === "BatchMatMul").length;
  expect(checkpointed.nodes.filter(({ op }) => op === "Barrier")).toHaveLength(8);
  expect(matmuls(checkpointed)).toBeGreaterThan(matmuls(plain) + 8 * 5);
  expect(peakBytes(checkpointed)).toBeLessThan(peakBytes(plain) / 2);
});
