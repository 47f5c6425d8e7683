import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import {
  bytesSource,
  convertLayout,
  convertTensors,
  fromFloat32,
  openWeights,
  readAll,
  toFloat32,
  type HostTensor,
  type TensorFile,
} from "../index.ts";

const open = async (name: string): Promise<TensorFile> => {
  const bytes = await readFile(new URL(`fixtures/${name}`, import.meta.url));
  return openWeights(bytesSource(new Uint8Array(bytes)), name);
};

/** A tensor of consecutive values. */
function counting(...shape: number[]): HostTensor {
  const length = shape.reduce((product, side) => product * side, 1);
  return fromFloat32(
    Float32Array.from({ length }, (_, index) => index),
    shape,
  );
}
const valuesOf = (tensor: HostTensor | undefined): number[] => (tensor === undefined ? [] : [...toFloat32(tensor)]);
const shapesOf = (tensors: Record<string, HostTensor>): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));

for (const name of ["big-vision.npz", "big-vision-scan.npz"]) {
  test(`${name} becomes the tensors that open_clip's own conversion makes of it`, async () => {
    const converted = await readAll(convertLayout(await open(name), "openai"));
    const expected = await readAll(await open("open-clip-siglip.safetensors"));
    expect(Object.keys(converted).toSorted()).toEqual(Object.keys(expected).toSorted());
    expect(shapesOf(converted)).toEqual(shapesOf(expected));
    for (const [key, tensor] of Object.entries(expected)) {
      expect(valuesOf(converted[key]), key).toEqual(valuesOf(tensor));
    }
  });
}

test("SigLIP there and back between open_clip and Hugging Face, bit by bit", async () => {
  const original = await open("open-clip-siglip.safetensors");
  const huggingFace = await readAll(convertLayout(original, "huggingface"));
  expect(huggingFace["logit_scale"]?.shape).toEqual([1]);
  expect(huggingFace["vision_model.head.attention.in_proj_weight"]?.shape).toEqual([24, 8]);
  const back = await convertTensors(huggingFace, "openai");
  const expected = await readAll(original);
  expect(shapesOf(back)).toEqual(shapesOf(expected));
  for (const [key, { bytes }] of Object.entries(expected)) {
    expect([...(back[key]?.bytes ?? [])], key).toEqual([...bytes]);
  }
});

test("torchvision's ViT becomes a vision tower; its classifier stays behind", async () => {
  const layer = "encoder.layers.encoder_layer_3";
  const published = { [`${layer}.mlp.linear_1.weight`]: counting(2, 2) };
  const converted = await convertTensors(
    {
      class_token: counting(1, 1, 4),
      "conv_proj.bias": counting(4),
      "encoder.pos_embedding": counting(1, 5, 4),
      [`${layer}.self_attention.in_proj_weight`]: counting(6, 2),
      [`${layer}.mlp.3.bias`]: counting(2),
      ...published,
      "encoder.ln.weight": counting(4),
      "heads.head.weight": counting(10, 4),
    },
    "huggingface",
  );
  const block = "vision_model.encoder.layers.3";
  expect(shapesOf(converted)).toEqual({
    "vision_model.embeddings.class_embedding": [4],
    "vision_model.embeddings.patch_embedding.bias": [4],
    "vision_model.embeddings.position_embedding.weight": [5, 4],
    [`${block}.self_attn.q_proj.weight`]: [2, 2],
    [`${block}.self_attn.k_proj.weight`]: [2, 2],
    [`${block}.self_attn.v_proj.weight`]: [2, 2],
    [`${block}.mlp.fc2.bias`]: [2],
    [`${block}.mlp.fc1.weight`]: [2, 2],
    "vision_model.post_layernorm.weight": [4],
  });
  expect(valuesOf(converted[`${block}.self_attn.k_proj.weight`])).toEqual([4, 5, 6, 7]);
});

for (const prefix of ["", "roberta."]) {
  test(`RoBERTa under "${prefix}" becomes a text tower`, async () => {
    const tensors = {
      [`${prefix}embeddings.word_embeddings.weight`]: counting(4, 2),
      [`${prefix}encoder.layer.0.attention.self.query.weight`]: counting(2, 2),
      [`${prefix}embeddings.position_ids`]: counting(4),
      "lm_head.bias": counting(4),
    };
    expect(Object.keys(await convertTensors(tensors, "huggingface"))).toEqual([
      "text_model.embeddings.word_embeddings.weight",
      "text_model.encoder.layer.0.attention.self.query.weight",
    ]);
  });
}

test("open_clip's models with a Hugging Face text tower, both ways", async () => {
  const openClip = {
    "text.transformer.embeddings.word_embeddings.weight": counting(4, 2),
    "text.transformer.encoder.layer.0.output.dense.bias": counting(2),
    "text.proj.0.weight": counting(3, 2),
    "text.proj.2.weight": counting(4, 3),
    "visual.proj": counting(2, 4),
  };
  const converted = await convertTensors(openClip, "huggingface");
  expect(Object.keys(converted)).toEqual([
    "text_model.embeddings.word_embeddings.weight",
    "text_model.encoder.layer.0.output.dense.bias",
    "text_projection.fc1.weight",
    "text_projection.fc2.weight",
    "visual_projection.weight",
  ]);
  expect(await convertTensors(converted, "openai")).toEqual(openClip);
});

test("wrappers' prefixes and a tower named twice are understood", async () => {
  const wrapped = {
    "module._orig_mod.vision_model.vision_model.post_layernorm.bias": counting(2),
    "module._orig_mod.text_model.encoder.layer.0.output.dense.bias": counting(2),
  };
  expect(Object.keys(await convertTensors(wrapped, "huggingface"))).toEqual([
    "vision_model.post_layernorm.bias",
    "text_model.encoder.layer.0.output.dense.bias",
  ]);
});

test("a custom text tower without a head of its own is CLIP's", async () => {
  const openClip = {
    "text.token_embedding.weight": counting(4, 2),
    "text.text_projection": counting(2, 3),
    "visual.transformer.resblocks.0.ls_1.gamma": counting(2),
    logit_scale: counting(),
  };
  const converted = await convertTensors(openClip, "huggingface");
  expect(shapesOf(converted)).toEqual({
    "text_model.embeddings.token_embedding.weight": [4, 2],
    "text_projection.weight": [3, 2],
    "vision_model.encoder.layers.0.layer_scale1.lambda1": [2],
    logit_scale: [],
  });
});
