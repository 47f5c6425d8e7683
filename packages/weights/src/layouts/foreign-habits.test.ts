// What other programs do to a checkpoint's names and single numbers.
import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import {
  bytesSource,
  convertLayout,
  convertTensors,
  detectLayout,
  openSafetensors,
  readAll,
  serializeSafetensors,
  toBytes,
  type HostTensor,
  type TensorFile,
} from "../index.ts";

type HostTensors = Readonly<Record<string, HostTensor>>;

let huggingFace: HostTensors;
let openai: HostTensors;
beforeAll(async () => {
  const url = new URL("../fixtures/clip-vit.safetensors", import.meta.url);
  huggingFace = await readAll(await openSafetensors(bytesSource(await readFile(url))));
  openai = await convertTensors(huggingFace, "openai");
});

const fileOf = (tensors: HostTensors): Promise<TensorFile> =>
  openSafetensors(bytesSource(toBytes(serializeSafetensors(tensors))), "weights");
const renamed = (tensors: HostTensors, rename: (name: string) => string): HostTensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [rename(name), tensor]));

const habits: Readonly<Record<string, (name: string) => string>> = {
  "Lightning's model.": (name) => `model.${name}`,
  "a script's own attribute": (name) => `clip_net.${name}`,
  "attributes within attributes": (name) => `trainer.model.${name}`,
  "a state dict in a state dict": (name) => `state_dict.${name}`,
  "data parallel": (name) => `module.${name}`,
  "compiled, then parallel, then Lightning": (name) => `model.module._orig_mod.${name}`,
  "a compiled tower": (name) => name.replace(/^visual\./u, "visual._orig_mod."),
  "sharded blocks": (name) => name.replaceAll(/resblocks\.(\d+)\./gu, "resblocks.$1._fsdp_wrapped_module."),
  "recomputed blocks in Lightning": (name) =>
    `model.${name.replaceAll(/(?<=resblocks\.\d+\.)/gu, "_checkpoint_wrapped_module.")}`,
};

test.each(Object.keys(habits))("%s before or within the names is left out", async (habit) => {
  const file = await fileOf(renamed(openai, habits[habit]!));
  expect(detectLayout(file.names)).toBe("openai");
  const read = await readAll(convertLayout(file, "huggingface"));
  expect(Object.keys(read).toSorted()).toEqual(Object.keys(huggingFace).toSorted());
  for (const [name, tensor] of Object.entries(huggingFace)) {
    expect(Buffer.compare(read[name]!.bytes, tensor.bytes), name).toBe(0);
  }
});

test("a model among others is not guessed: the error names both places", async () => {
  const twice = {
    ...renamed(openai, (name) => `model.${name}`),
    ...renamed(openai, (n) => `ema.${n}`),
  };
  const { names } = await fileOf(twice);
  expect(() => detectLayout(names)).toThrow(/stand behind "(model|ema)\." and "(model|ema)\.", but not all do/u);
  const head = {
    ...renamed(openai, (name) => `model.${name}`),
    "criterion.weight": openai["logit_scale"]!,
  };
  expect(() => detectLayout(Object.keys(head))).toThrow(
    'Such names stand behind "model.", but not all do: criterion.weight. Which of them are the model is not guessed',
  );
});

test("a tensor that is there twice under one name is refused", async () => {
  const file = await fileOf({ ...openai, "module.logit_scale": openai["logit_scale"]! });
  expect(() => convertLayout(file, "huggingface")).toThrow(
    "which are one tensor to the model, and which counts is not guessed",
  );
});

test.each(["huggingface", "openai"] as const)(
  "scale and bias in lists of one are numbers, as open_clip reads them: from %s",
  async (layout) => {
    const tensors = layout === "openai" ? openai : huggingFace;
    const one = { ...tensors["logit_scale"]!, shape: [1] };
    const file = await fileOf({ ...tensors, logit_scale: one, logit_bias: one });
    for (const target of ["huggingface", "openai"] as const) {
      const view = convertLayout(file, target);
      for (const name of ["logit_scale", "logit_bias"]) {
        expect(view.describe(name)).toEqual({ dtype: "F32", shape: [], byteLength: 4 });
        const { shape, bytes } = await view.read(name);
        expect([shape, Buffer.compare(bytes, one.bytes)]).toEqual([[], 0]);
      }
    }
  },
);

test("more than one number stays what it is, to be refused where a model is loaded", async () => {
  const two = { dtype: "F32", shape: [2], bytes: new Uint8Array(8) } as const;
  const view = convertLayout(await fileOf({ ...openai, logit_scale: two }), "huggingface");
  expect(view.describe("logit_scale").shape).toEqual([2]);
});
