import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatClipConfig, preset } from "@clip-ts/model";
import { captureOutput, goldenPath, writeGoldenModel } from "@clip-ts/test-utils";
import {
  bytesSource,
  fromFloat32,
  openSafetensors,
  readAll,
  serializeSafetensors,
  toBytes,
  toFloat32,
} from "@clip-ts/weights";
import { afterAll, expect, test } from "vitest";
import { runProgram } from "../cli/main.ts";
import { commands } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-convert-"));
afterAll(() => rm(folder, { recursive: true }));
const model = writeGoldenModel(join(folder, "model"), "hf");
const at = (...names: string[]): string => join(folder, ...names);
const run = (...argv: string[]) => captureOutput(() => runProgram(commands, argv));
const weights = (name: string): Promise<Buffer> => readFile(at(name, "model.safetensors"));

async function readTensors(bytes: Uint8Array) {
  return readAll(await openSafetensors(bytesSource(bytes)));
}

test("hf to openai to hf gives the same bytes, by way of OpenAI's own tensors", async () => {
  expect((await run("convert", model, at("openai"), "--to", "openai")).result).toBe(0);
  const reference = await readTensors(
    await readFile(goldenPath("clip-vit/openai-names.safetensors")),
  );
  const renamed = await readTensors(await weights("openai"));
  expect(Object.keys(renamed)).toEqual(Object.keys(reference));
  for (const [name, { shape, bytes }] of Object.entries(reference)) {
    expect(renamed[name]?.shape, name).toEqual(shape);
    expect(Buffer.compare(renamed[name]!.bytes, bytes), name).toBe(0);
  }

  const back = await run("convert", at("openai"), at("hf"), "--to", "hf");
  expect([back.result, back.stdout]).toEqual([0, ""]);
  expect(back.stderr).toMatch(/^wrote 94 tensors, \d\.\d MiB, to /);
  expect((await weights("hf")).equals(await weights("model"))).toBe(true);
});

test("half precision stays half, bit by bit", async () => {
  const whole = await readTensors(await weights("model"));
  const halves = Object.fromEntries(
    Object.entries(whole).map(([name, tensor]) => [
      name,
      fromFloat32(toFloat32(tensor), tensor.shape, "BF16"),
    ]),
  );
  const half = writeGoldenModel(at("half"), "hf");
  const original = toBytes(serializeSafetensors(halves, { format: "pt" }));
  await writeFile(join(half, "model.safetensors"), original);
  await run("convert", half, at("half-openai"), "--to", "openai");
  const renamed = Object.values(await readTensors(await weights("half-openai")));
  expect(new Set(renamed.map(({ dtype }) => dtype))).toEqual(new Set(["BF16"]));
  await run("convert", at("half-openai"), at("half-back"), "--to", "hf");
  expect((await weights("half-back")).equals(original)).toBe(true);
});

test("the folder also gets config, preprocessing and tokenizer", async () => {
  const source = at("described");
  await mkdir(source);
  const config = JSON.stringify(formatClipConfig(preset("nano")));
  await writeFile(join(source, "config.json"), config);
  await writeFile(
    join(source, "model.safetensors"),
    toBytes(serializeSafetensors({ "vision_model.x": fromFloat32(new Float32Array(1), [1]) })),
  );
  await run("convert", source, at("whole"), "--to", "hf");
  expect((await readdir(at("whole"))).toSorted()).toEqual([
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  expect(JSON.parse(await readFile(at("whole", "config.json"), "utf8"))).toEqual(
    JSON.parse(config),
  );
});

test("onnx writes a folder of graphs, in the precisions asked for", async () => {
  const { result, stdout, stderr } = await run(
    ...["convert", model, at("graphs"), "--to", "onnx", "--dtype", "int8,f16"],
  );
  expect([result, stdout]).toEqual([0, ""]);
  expect(stderr).toMatch(/^wrote onnx\/model_quantized\.onnx, 0\.\d MiB\nwrote onnx\/model_fp16/u);
  expect(await readdir(at("graphs", "onnx"))).toHaveLength(6);
  const config = JSON.parse(await readFile(at("graphs", "config.json"), "utf8")) as object;
  expect(config).toMatchObject({ model_type: "clip", "transformers.js_config": { dtype: "q8" } });
});

test("savedmodel writes one file and what describes the model", async () => {
  const { result, stderr } = await run("convert", model, at("saved"), "--to", "savedmodel");
  expect(result).toBe(0);
  expect(stderr).toMatch(/^wrote saved_model\.pb, \d\.\d MiB, to /u);
  expect((await readdir(at("saved"))).toSorted()).toEqual([
    "config.json",
    "preprocessor_config.json",
    "saved_model.pb",
  ]);
});

test("targets that are not built, unknown ones and the model itself are refused", async () => {
  for (const target of ["open_clip"]) {
    const { result, stderr } = await run("convert", model, at("none"), "--to", target);
    expect(result).toBe(1);
    expect(stderr).toBe(
      `clip-ts: Converting to ${target} is not built yet; there are hf, openai, onnx and savedmodel.\n`,
    );
  }
  const unknown = await run("convert", model, at("none"), "--to", "toString");
  expect([unknown.result, unknown.stderr]).toEqual([
    2,
    "clip-ts: --to toString: expected hf, openai, onnx or savedmodel.\n",
  ]);
  const dtype = await run("convert", model, at("none"), "--to", "onnx", "--dtype", "f32,f64");
  expect([dtype.result, dtype.stderr]).toEqual([
    2,
    "clip-ts: --dtype f64: expected some of f32, f16, int8.\n",
  ]);
  for (const target of ["hf", "savedmodel"]) {
    const argv = ["convert", model, at("none"), "--to", target, "--dtype", "f16"];
    expect((await run(...argv)).stderr).toBe("clip-ts: --dtype goes with --to onnx only.\n");
  }
  const same = await run("convert", model, join(model, ".."), "--to", "hf");
  expect(same.result).toBe(0); // the folder above is another folder
  const itself = await run("convert", model, join(model, "..", "model"), "--to", "hf");
  expect(itself.result).toBe(1);
  expect(itself.stderr).toContain("is the model itself");
});
