import { isClipError } from "@clip-ts/base";
import { countParams, flattenTree, initParams, normal, param, valueAndGradient, type Activation } from "@clip-ts/core";
import {
  gradientFaults,
  largestDifference,
  randomTensor,
  reference,
  tensorsLeftBy,
  useEngine,
  weightedSum,
} from "@clip-ts/test-utils";
import { add, dispose, gather, mul, reshape, slice, sub, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, expectTypeOf, test } from "vitest";
import {
  block,
  blockSpec,
  mlp,
  postNormBlock,
  type BlockParams,
  type PostNormParts,
  type TransformerConfig,
} from "./block.ts";
import { encode, encoderSpec, type EncoderParams } from "./encoder.ts";
import { paddingMask, selfAttention } from "./attention.ts";

afterAll(() => useEngine("cpu"));

const config: TransformerConfig = {
  width: 6,
  layers: 2,
  heads: 2,
  mlpWidth: 10,
  activation: "gelu",
  layerNormEps: 1e-5,
};
const [batch, tokens] = [3, 4];

/** Parameters with random biases and gains too: a start of zeros and ones would hide faults. */
function drawBlock(): BlockParams {
  const spec = blockSpec(config);
  const draw = param([6], normal(0.5), "norm");
  const biased = {
    ...spec,
    layer_norm1: { weight: draw, bias: draw },
    layer_norm2: { weight: draw, bias: draw },
    self_attn: {
      q_proj: { ...spec.self_attn.q_proj, bias: draw },
      k_proj: { ...spec.self_attn.k_proj, bias: draw },
      v_proj: { ...spec.self_attn.v_proj, bias: draw },
      out_proj: { ...spec.self_attn.out_proj, bias: draw },
    },
  };
  return initParams(biased, 3) as BlockParams;
}

const params = drawBlock();
const x = randomTensor([batch, tokens, config.width], "x");

type Host = Record<string, Float32Array>;

async function onHost(tree: object): Promise<Host> {
  const leaves = Object.entries(flattenTree<Tensor>(tree));
  const values = await Promise.all(leaves.map(async ([path, leaf]) => [path, await leaf.data()]));
  return Object.fromEntries(values) as Host;
}

/** Rows through one linear layer of the host tree. */
function linearOf(host: Host, name: string, rows: ArrayLike<number>): Float64Array {
  const [weight, bias] = [host[`${name}.weight`]!, host[`${name}.bias`]!];
  const [outputs, inputs] = [bias.length, weight.length / bias.length];
  return reference.linear(rows, { weight, bias }, { rows: rows.length / inputs, inputs, outputs });
}

/** Multi-head attention of one sequence in float64: each head sees its own columns. */
function attentionOf(host: Host, rows: ArrayLike<number>): Float64Array {
  const dim = config.width / config.heads;
  const mixed = new Float64Array(tokens * config.width);
  for (let head = 0; head < config.heads; head++) {
    const columns = (all: ArrayLike<number>): number[] =>
      Array.from(all).filter((_, index) => Math.floor((index % config.width) / dim) === head);
    const [q, k, v] = ["q_proj", "k_proj", "v_proj"].map((name) =>
      columns(linearOf(host, `self_attn.${name}`, rows)),
    ) as [number[], number[], number[]];
    const result = reference.attention({ q, k, v }, { tokens, dim });
    result.forEach((value, index) => {
      mixed[Math.floor(index / dim) * config.width + head * dim + (index % dim)] = value;
    });
  }
  return linearOf(host, "self_attn.out_proj", mixed);
}

/** A whole block on one sequence in float64. */
function blockOf(host: Host, rows: ArrayLike<number>): Float64Array {
  const norm = (name: string, values: ArrayLike<number>): Float64Array =>
    reference.layerNorm(values, { weight: host[`${name}.weight`]!, bias: host[`${name}.bias`]! }, config.layerNormEps);
  const looked = attentionOf(host, norm("layer_norm1", rows));
  const attended = looked.map((value, index) => value + (rows[index] as number));
  const hidden = linearOf(host, "mlp.fc1", norm("layer_norm2", attended));
  const thought = linearOf(host, "mlp.fc2", hidden.map(reference.activations.gelu));
  return attended.map((value, index) => value + (thought[index] as number));
}

async function sequences(of: (rows: Float32Array) => ArrayLike<number>): Promise<number[]> {
  const all = (await x.data()) as Float32Array;
  const size = tokens * config.width;
  return Array.from({ length: batch }, (_, index) =>
    Array.from(of(all.slice(index * size, (index + 1) * size))),
  ).flat();
}

test.each(["cpu", "wasm"] as const)("attention and block equal float64 (%s)", async (engine) => {
  await useEngine(engine);
  const host = await onHost(params);
  const attended = await selfAttention(params.self_attn, x, { heads: config.heads }).data();
  const expected = await sequences((rows) => attentionOf(host, rows));
  expect(largestDifference(attended, expected)).toBeLessThan(1e-5);
  const whole = await block(params, x, config).data();
  expect(largestDifference(whole, await sequences((rows) => blockOf(host, rows)))).toBeLessThan(1e-5);
});

test.each(["gelu", "quick_gelu", "gelu_pytorch_tanh", "relu"] as Activation[])(
  "every parameter of a block has the gradient of central differences (%s)",
  async (activation) => {
    await useEngine("cpu");
    const objective = (tree: BlockParams): Tensor => weightedSum(block(tree, x, { ...config, activation }));
    expect(await gradientFaults(objective, params, { step: 5e-3 })).toEqual([]);
  },
);

test("the input has the gradient of central differences", async () => {
  const objective = (tree: { x: Tensor }): Tensor => weightedSum(block(params, tree.x, config));
  expect(await gradientFaults(objective, { x }, { entries: 6, step: 5e-3 })).toEqual([]);
});

test("permuting the batch permutes the result", async () => {
  const order = tensor([2, 0, 1], [3], "int32");
  const permuted = await block(params, gather(x, order), config).data();
  const expected = await gather(block(params, x, config), order).data();
  expect(largestDifference(permuted, expected)).toBeLessThan(1e-6);
});

test("without a mask, permuting the tokens permutes the result", async () => {
  const order = tensor([3, 1, 0, 2], [4], "int32");
  const permuted = await block(params, gather(x, order, 1), config).data();
  const expected = await gather(block(params, x, config), order, 1).data();
  expect(largestDifference(permuted, expected)).toBeLessThan(1e-6);
});

test("the encoder runs its blocks in order", async () => {
  const stack = initParams(encoderSpec(config), 5) as EncoderParams;
  expectTypeOf(stack.layers[0]!).toEqualTypeOf<BlockParams>();
  const [first, second] = stack.layers as [BlockParams, BlockParams];
  const expected = await block(second, block(first, x, config), config).data();
  expect(await encode(stack, x, config).data()).toEqual(expected);
  const reversed = await encode({ layers: [second, first] }, x, config).data();
  expect(largestDifference(reversed, expected)).toBeGreaterThan(1e-3);
  dispose(Object.values(flattenTree<Tensor>(stack)));
});

test("the mlp works on each token alone", async () => {
  const all = await mlp(params.mlp, x, config).data();
  const flat = await mlp(params.mlp, reshape(x, [batch * tokens, config.width]), config).data();
  expect(flat).toEqual(all);
});

test("a block has 12 · width² parameters and the small change", () => {
  const wide = { ...config, width: 512, mlpWidth: 2048, heads: 8 };
  expect(countParams(blockSpec(wide))).toBe(12 * 512 ** 2 + 13 * 512);
  expect(encoderSpec(wide).layers).toHaveLength(2);
});

/** The parts of the block in the order of post-norm. */
const postNormParts = (tree: BlockParams): PostNormParts => ({
  attention: {
    query: tree.self_attn.q_proj,
    key: tree.self_attn.k_proj,
    value: tree.self_attn.v_proj,
    output: tree.self_attn.out_proj,
  },
  attentionNorm: tree.layer_norm1,
  mlp: tree.mlp,
  mlpNorm: tree.layer_norm2,
});

/** A post-norm block on one sequence in float64. */
function postNormBlockOf(host: Host, rows: ArrayLike<number>): Float64Array {
  const norm = (name: string, values: ArrayLike<number>): Float64Array =>
    reference.layerNorm(values, { weight: host[`${name}.weight`]!, bias: host[`${name}.bias`]! }, config.layerNormEps);
  const looked = attentionOf(host, rows);
  const attended = norm(
    "layer_norm1",
    looked.map((value, index) => value + (rows[index] as number)),
  );
  const hidden = linearOf(host, "mlp.fc1", attended).map(reference.activations.gelu);
  const thought = linearOf(host, "mlp.fc2", hidden);
  return norm(
    "layer_norm2",
    attended.map((value, index) => value + (thought[index] as number)),
  );
}

test.each(["cpu", "wasm"] as const)("a post-norm block equals float64 (%s)", async (engine) => {
  await useEngine(engine);
  const host = await onHost(params);
  const actual = await postNormBlock(postNormParts(params), x, config).data();
  const expected = await sequences((rows) => postNormBlockOf(host, rows));
  expect(largestDifference(actual, expected)).toBeLessThan(1e-5);
});

test("every parameter of a post-norm block has the gradient of central differences", async () => {
  await useEngine("cpu");
  const objective = (tree: BlockParams): Tensor => weightedSum(postNormBlock(postNormParts(tree), x, config));
  expect(await gradientFaults(objective, params, { step: 5e-3 })).toEqual([]);
});

test("padding changes no other token, however it is filled", async () => {
  const lengths = tensor([1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1], [batch, tokens], "int32");
  const kept = reshape(lengths, [batch, tokens, 1]);
  const visible = async (input: Tensor): Promise<Float32Array> => {
    const encoded = block(params, input, config, { mask: paddingMask(lengths) });
    return (await mul(encoded, kept).data()) as Float32Array;
  };
  const other = add(mul(x, kept), mul(randomTensor(x.shape, "other"), sub(1, kept)));
  expect(largestDifference(await visible(other), await visible(x))).toBeLessThan(1e-6);
  const short = await block(params, slice(x, [1, 0, 0], [1, 2, -1]), config).data();
  const padded = (await visible(x)).subarray(tokens * config.width, (tokens + 2) * config.width);
  expect(largestDifference(padded, short)).toBeLessThan(1e-6);
});

test("layer scale is a gain on what each half of a block adds", async () => {
  const scaled = { ...config, layerScale: 0 };
  const spec = blockSpec(scaled);
  expect(spec.layer_scale1?.lambda1).toMatchObject({
    shape: [6],
    init: { kind: "constant", value: 0 },
  });
  const silent = initParams(spec, 1) as BlockParams;
  expect(await block(silent, x, scaled).data()).toEqual(await x.data());
  const lambda1 = randomTensor([6], "gain");
  const objective = (tree: BlockParams): Tensor => weightedSum(block(tree, x, scaled));
  const tree = { ...params, layer_scale1: { lambda1 }, layer_scale2: { lambda1: mul(lambda1, 2) } };
  expect(await gradientFaults(objective, tree, { step: 5e-3 })).toEqual([]);
});

test("a checkpointed encoder has the same values and gradients", async () => {
  const stack = initParams(encoderSpec(config), 5) as EncoderParams;
  const mask = paddingMask(tensor([1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1], [batch, tokens], "int32"));
  const differentiate = (checkpoint: boolean) =>
    valueAndGradient(
      (tree: EncoderParams) => ({
        loss: weightedSum(encode(tree, x, config, { mask, checkpoint })),
      }),
      stack,
    );
  const [plain, checkpointed] = [differentiate(false), differentiate(true)];
  expect(await checkpointed.value.data()).toEqual(await plain.value.data());
  const actual = await onHost(checkpointed.gradient);
  for (const [path, expected] of Object.entries(await onHost(plain.gradient))) {
    expect(largestDifference(actual[path]!, expected), path).toBeLessThan(1e-6);
  }
});

test("heads that do not divide the width are refused", () => {
  let caught: unknown;
  try {
    encoderSpec({ ...config, heads: 4 });
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error("expected a ClipError");
  expect(caught.code).toBe("bad-config");
  expect(caught.message).toContain("A width of 6 cannot be split over 4 heads");
});

test("a block leaves only its result behind", async () => {
  expect(await tensorsLeftBy(() => tidy(() => block(params, x, config)))).toBe(1);
});
