import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  captureOutput,
  type GoldenArray,
  goldenArrays,
  goldenPath,
  largestDifference,
  relativeError,
  tensorsLeftBy,
  useEngine,
  writeGoldenModel,
} from "@clip-ts/test-utils";
import {
  bytesSource,
  convertTensors,
  openSafetensors,
  readAll,
  serializeSafetensors,
  toBytes,
  toFloat32,
  toInt32,
  type HostTensor,
} from "@clip-ts/weights";
import { afterAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-forward-"));
const models = {
  hf: writeGoldenModel(join(folder, "hf"), "hf"),
  openai: writeGoldenModel(join(folder, "openai"), "openai"),
};
const inputs = goldenPath("clip-vit/io.safetensors");
const output = join(folder, "deep", "out.safetensors");
const expected = goldenArrays("clip-vit/io.safetensors");
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));

afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

async function read(path: string): Promise<Record<string, HostTensor>> {
  return readAll(await openSafetensors(bytesSource(await readFile(path)), path));
}

/** A safetensors file of the inputs that are named, changed by the test. */
async function inputFile(
  name: string,
  change: (tensors: Record<string, HostTensor>) => Record<string, HostTensor>,
): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, toBytes(serializeSafetensors(change(await read(inputs)))));
  return path;
}

/** Reference gradients under the names of a layout. */
async function expectedGradients(layout: "hf" | "openai"): Promise<Record<string, Float32Array>> {
  const stored = await read(goldenPath("clip-vit/grads.safetensors"));
  const named = layout === "hf" ? stored : await convertTensors(stored, "openai");
  return Object.fromEntries(Object.entries(named).map(([name, tensor]) => [name, toFloat32(tensor)]));
}

function checkOutputs(outputs: Record<string, HostTensor>, names: readonly string[]): void {
  for (const name of names) {
    const { shape, values } = expected[name] as GoldenArray;
    const actual = toFloat32(outputs[name] as HostTensor);
    expect(outputs[name]?.shape, name).toEqual(shape);
    // Logits are cosines times 14: judged relative to that factor.
    const error = name === "logits_per_image" ? relativeError(actual, values) : largestDifference(actual, values);
    expect(error, name).toBeLessThan(1e-5);
  }
}

const [imageOutputs, textOutputs] = [
  ["image_embeds", "image_last_hidden"],
  ["text_embeds", "text_last_hidden"],
];
const everyOutput = [...imageOutputs, ...textOutputs, "logits_per_image", "loss"];

for (const engine of ["cpu", "wasm", "onnx"] as const) {
  for (const layout of ["hf", "openai"] as const) {
    test(`outputs and gradients equal PyTorch's (${engine}, ${layout} names)`, async () => {
      const left = await tensorsLeftBy(async () => {
        const argv = ["-o", output, "--grads", "--engine", engine];
        const { result, stdout, stderr } = await run("forward", models[layout], inputs, ...argv);
        expect([result, stdout]).toEqual([0, ""]);
        expect(stderr).toContain(`engine  ${engine} (`);
      });
      expect(left).toBe(0);
      const written = await read(output);
      checkOutputs(written, everyOutput);
      const gradients = await expectedGradients(layout);
      const names = [...everyOutput, ...Object.keys(gradients)];
      expect(Object.keys(written).toSorted()).toEqual(names.toSorted());
      for (const [name, values] of Object.entries(gradients)) {
        const actual = toFloat32(written[name] as HostTensor);
        // Softmax is blind to a key's bias: its gradient is rounding noise around 0.
        expect(relativeError(actual, values, 1e-3), name).toBeLessThan(1e-4);
      }
    });
  }
}

test("one kind of input gives that side's outputs; ids may be 64-bit", async () => {
  const images = await inputFile("images.safetensors", ({ pixel_values }) => ({
    pixel_values: pixel_values!,
  }));
  await run("forward", models.hf, images, "-o", output, "--engine", "cpu");
  const imageSide = await read(output);
  expect(Object.keys(imageSide).toSorted()).toEqual(imageOutputs);
  checkOutputs(imageSide, imageOutputs);

  const wideIds = await inputFile("ids.safetensors", ({ input_ids }) => {
    const { shape } = input_ids!;
    const wide = BigInt64Array.from(toInt32(input_ids!), BigInt);
    return { input_ids: { dtype: "I64", shape, bytes: new Uint8Array(wide.buffer) } };
  });
  await run("forward", models.hf, wideIds, "-o", output, "--engine", "cpu");
  const textSide = await read(output);
  expect(Object.keys(textSide).toSorted()).toEqual(textOutputs);
  checkOutputs(textSide, textOutputs);
  const { result, stderr } = await run("forward", models.hf, wideIds, "-o", output, "--grads");
  expect(result).toBe(1);
  expect(stderr).toContain("--grads needs a loss");
});

test.each([
  ["truncated", (whole: Buffer) => whole.subarray(0, -5), /model\.safetensors.*(bytes|truncated)/],
  ["empty", () => Buffer.alloc(0), /expected a safetensors file, found 0 bytes/],
  [
    "a ZIP archive that is cut",
    () => Buffer.from("PK\u0003\u0004 a zip file, say"),
    /expected a ZIP archive, but its end is missing/,
  ],
  [
    "a header of 10 GB",
    (whole: Buffer) => {
      const start = Buffer.alloc(8);
      start.writeBigUInt64LE(10_000_000_000n);
      return Buffer.concat([start, whole.subarray(8)]);
    },
    /the header claims 10000000000 bytes/,
  ],
])("weights that are %s are refused with one message", async (_name, change, message) => {
  const model = writeGoldenModel(join(folder, "broken"), "hf");
  const whole = await readFile(join(models.hf, "model.safetensors"));
  await writeFile(join(model, "model.safetensors"), change(whole));
  const { result, stderr } = await run("forward", model, inputs, "-o", output, "--engine", "cpu");
  expect(result).toBe(1);
  expect(stderr).toMatch(message);
});

test("weights of other shapes are listed tensor by tensor", async () => {
  const model = writeGoldenModel(join(folder, "misfit"), "hf");
  const config = await readFile(join(model, "config.json"), "utf8");
  await writeFile(join(model, "config.json"), config.replaceAll('"projection_dim": 40', '"projection_dim": 41'));
  const { result, stderr } = await run("forward", model, inputs, "-o", output, "--engine", "cpu");
  expect(result).toBe(1);
  expect(stderr).toContain("visual_projection.weight: expected [41, 64], file has [40, 64]");
  expect(stderr).toContain("text_projection.weight: expected [41, 48], file has [40, 48]");
});

test("inputs that do not fit are refused with a reason", async () => {
  const refusal = async (model: string, path: string): Promise<string> => {
    const { result, stderr } = await run("forward", model, path, "-o", output, "--engine", "cpu");
    expect(result).toBe(1);
    return stderr;
  };
  const gone = join(folder, "gone");
  expect(await refusal(gone, inputs)).toMatch(/no model in .*gone: expected a folder with config/);
  expect(await refusal(models.hf, gone)).toMatch(/gone.* cannot be opened/);
  const other = await inputFile("other.safetensors", ({ loss }) => ({ loss: loss! }));
  expect(await refusal(models.hf, other)).toMatch(/should hold pixel_values or input_ids.* loss/);
  const foreign = await inputFile("foreign.safetensors", () => ({
    input_ids: { dtype: "U8", shape: [1, 3], bytes: Uint8Array.of(198, 200, 199) },
  }));
  expect(await refusal(models.hf, foreign)).toContain("input_ids holds 200");
  const small = await inputFile("small.safetensors", () => ({
    pixel_values: { dtype: "F32", shape: [1, 3, 1, 1], bytes: new Uint8Array(12) },
  }));
  expect(await refusal(models.hf, small)).toMatch(/pixel values.*32/);
  await writeFile(join(folder, "file"), "");
  const argv = ["-o", join(folder, "file", "out"), "--engine", "cpu"];
  const unwritable = await run("forward", models.hf, inputs, ...argv);
  expect(unwritable.result).toBe(1);
  expect(unwritable.stderr).toMatch(/out cannot be written: /);
});
