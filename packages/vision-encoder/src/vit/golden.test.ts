import { flattenTree, unflattenLike, valueAndGradient } from "@clip-ts/core";
import {
  goldenArrays,
  goldenTensors,
  goldenTowers,
  largestDifference,
  relativeError,
  useEngine,
} from "@clip-ts/test-utils";
import { dispose, exp, mean, reshape, split, square, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import type { VisionOptions, VitConfig } from "../config.ts";
import { sigmoidLoss, unit } from "../contrast.test.ts";
import { encodeImage } from "../towers.ts";
import { sincosPositions } from "./positions.ts";
import { vitSpec, type VitParams } from "./spec.ts";

type Named = Readonly<Record<string, Tensor>>;

afterAll(() => useEngine("cpu"));

/** The entries whose names start so, without that start. */
const under = (prefix: string, named: Named): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(named)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );

/** The gradient of a loss on the pooled feature, by path. */
function gradientsOf(
  config: VitConfig,
  leaves: Named,
  pixels: Tensor,
  { loss, ...options }: VisionOptions & { readonly loss: (pooled: Tensor) => Tensor },
): Record<string, Tensor> {
  const params = unflattenLike(vitSpec(config), leaves) as VitParams;
  const objective = (tree: VitParams): { loss: Tensor } => ({
    loss: loss(encodeImage(tree, pixels, config, options).pooled),
  });
  const { value, gradient } = valueAndGradient(objective, params);
  dispose(value);
  return flattenTree<Tensor>(gradient);
}

async function expectGradients(actual: Named, expected: Named): Promise<void> {
  expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [path, reference] of Object.entries(expected)) {
    const error = relativeError(await actual[path]!.data(), await reference.data(), 1e-3);
    expect(error, path).toBeLessThan(1e-4);
  }
}

const meanSquare = (pooled: Tensor): Tensor => mean(square(pooled));

const torchvision: VitConfig = goldenTowers.torchvision;
const siglip: VitConfig = {
  ...torchvision,
  activation: "gelu_pytorch_tanh",
  classToken: false,
  pooling: "attention",
};

/** torchvision's names and shapes in Hugging Face's. */
function fromTorchvision(named: Named): Record<string, Tensor> {
  const leaves: Record<string, Tensor> = {
    "embeddings.class_embedding": reshape(named["class_token"]!, [-1]),
    "embeddings.patch_embedding.weight": named["conv_proj.weight"]!,
    "embeddings.patch_embedding.bias": named["conv_proj.bias"]!,
    "embeddings.position_embedding.weight": reshape(named["encoder.pos_embedding"]!, [17, 64]),
  };
  for (const kind of ["weight", "bias"]) {
    leaves[`post_layernorm.${kind}`] = named[`encoder.ln.${kind}`]!;
    for (const layer of [0, 1]) {
      const from = `encoder.layers.encoder_layer_${layer}`;
      const to = `encoder.layers.${layer}`;
      const parts = split(named[`${from}.self_attention.in_proj_${kind}`]!, 3);
      for (const [index, part] of parts.entries()) {
        leaves[`${to}.self_attn.${"qkv"[index]}_proj.${kind}`] = part;
      }
      leaves[`${to}.self_attn.out_proj.${kind}`] = named[`${from}.self_attention.out_proj.${kind}`]!;
      leaves[`${to}.layer_norm1.${kind}`] = named[`${from}.ln_1.${kind}`]!;
      leaves[`${to}.layer_norm2.${kind}`] = named[`${from}.ln_2.${kind}`]!;
      leaves[`${to}.mlp.fc1.${kind}`] = named[`${from}.mlp.0.${kind}`]!;
      leaves[`${to}.mlp.fc2.${kind}`] = named[`${from}.mlp.3.${kind}`]!;
    }
  }
  return leaves;
}

for (const engine of ["cpu", "wasm"] as const) {
  test(`torchvision's feature and gradients are reproduced (${engine})`, async () => {
    await useEngine(engine);
    const leaves = fromTorchvision(goldenTensors("torchvision-vit/model.safetensors"));
    const { pixel_values: pixels, feature } = goldenTensors("torchvision-vit/io.safetensors");
    const params = unflattenLike(vitSpec(torchvision), leaves) as VitParams;
    const { pooled } = encodeImage(params, pixels!, torchvision);
    expect(largestDifference(await pooled.data(), await feature!.data())).toBeLessThan(1e-5);
    const gradients = gradientsOf(torchvision, leaves, pixels!, { loss: meanSquare });
    const {
      "heads.head.weight": _w,
      "heads.head.bias": _b,
      ...reference
    } = goldenTensors("torchvision-vit/grads.safetensors");
    await expectGradients(gradients, fromTorchvision(reference));
  });

  test.each([false, true])(
    `SigLIP's feature and gradients are reproduced (${engine}, checkpointed %s)`,
    async (checkpoint) => {
      await useEngine(engine);
      const weights = goldenTensors("siglip/model.safetensors");
      const leaves = under("vision_model.", weights);
      const { pixel_values: pixels, text_embeds: text } = goldenTensors("siglip/io.safetensors");
      const params = unflattenLike(vitSpec(siglip), leaves) as VitParams;
      const { pooled, lastHidden } = encodeImage(params, pixels!, siglip);
      const expected = goldenArrays("siglip/io.safetensors")["image_embeds"]!.values;
      expect(largestDifference(await unit(pooled).data(), expected)).toBeLessThan(1e-5);
      expect(lastHidden.shape).toEqual([6, 16, 64]);
      const scale = exp(weights["logit_scale"]!);
      const loss = (features: Tensor): Tensor => sigmoidLoss(features, text!, scale, weights["logit_bias"]!);
      const gradients = gradientsOf(siglip, leaves, pixels!, { loss, checkpoint });
      const reference = goldenTensors("siglip/grads.safetensors");
      await expectGradients(gradients, under("vision_model.", reference));
    },
  );
}

const small: VitConfig = {
  imageSize: 16,
  patchSize: 4,
  channels: 3,
  width: 16,
  layers: 2,
  heads: 2,
  mlpWidth: 32,
  activation: "gelu",
  layerNormEps: 1e-5,
};
const options: readonly (readonly [string, VitConfig])[] = [
  ["mean", { ...small, pooling: "mean", preNorm: false, layerScale: 0.5, activation: "gelu_pytorch_tanh" }],
  ["sincos", { ...small, positions: "sincos", activation: "quick_gelu" }],
  ["dropout", small],
];

test.each(options)("open_clip's options: %s", async (name, config) => {
  await useEngine("cpu");
  const named = goldenTensors("open-clip-vit/options.safetensors");
  const { pixels, pooled: expected, kept, positions, ...others } = under(`${name}:`, named);
  const reference = under("gradient:", others);
  const leaves = Object.fromEntries(Object.entries(others).filter(([path]) => !path.startsWith("gradient:")));
  const params = unflattenLike(vitSpec(config), leaves) as VitParams;
  const { pooled } = encodeImage(params, pixels!, config, { keptPatches: kept });
  expect(largestDifference(await pooled.data(), await expected!.data())).toBeLessThan(1e-5);
  const run = { loss: meanSquare, keptPatches: kept };
  await expectGradients(gradientsOf(config, leaves, pixels!, run), reference);
  if (positions !== undefined) {
    const grid = await sincosPositions(4, 16).data();
    const table = (await positions.data()).subarray(16); // after the class token's row of zeros
    expect(largestDifference(grid, table)).toBeLessThan(1e-6);
  }
});
