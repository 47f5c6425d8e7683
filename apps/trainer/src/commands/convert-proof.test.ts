// What a converted model is proved by: the features of its source.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initHostParams } from "@clip-ts/core";
import { clipPreprocess } from "@clip-ts/image";
import { parseSelfCheck, tokenizerFor } from "@clip-ts/inference";
import { clipSpec, preset } from "@clip-ts/model";
import { openClip, writeModel } from "@clip-ts/node";
import { captureOutput } from "@clip-ts/test-utils";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";

const config = preset("nano");
const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
const draw = (seed: number) => initHostParams(clipSpec(config), seed);
const root = await mkdtemp(join(tmpdir(), "clip-ts-convert-proof-"));
const at = (...names: string[]): string => join(root, ...names);
const proof = (name: string): Promise<string> => readFile(at(name, "self-check.json"), "utf8");

beforeAll(async () => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  await writeModel(at("bare"), description, draw(1));
  expect(await convert("bare", "proved", "hf")).toContain("the source's features of its probes, met within");
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

/** Converts; @returns what was said. */
async function convert(from: string, to: string, target: string, ...more: string[]): Promise<string> {
  const words = ["convert", at(from), at(to), "--to", target, ...more];
  const { result, stderr } = await captureOutput(() => runCommandLine(commands, words));
  expect(result, stderr).toBe(0);
  return stderr;
}

test.each(["hf", "openai", "open_clip"])("a proof goes along to %s, as it is, and is met there", async (target) => {
  expect(await convert("proved", `as-${target}`, target)).toContain("the features that its source was proved by, met");
  expect(await proof(`as-${target}`)).toBe(await proof("proved"));
  const clip = await openClip(at(`as-${target}`), { selfCheck: "always", engine: "wasm" });
  expect((await clip.embedTexts(["a cat"])).rows).toBe(1);
  clip.dispose();
});

test.each([["onnx", "--dtype", "f32"], ["savedmodel"]])("graphs get the proof too: %s", async (target, ...more) => {
  expect(await convert("proved", target, target, ...more)).toContain("for whoever runs the graphs");
  expect(await proof(target)).toBe(await proof("proved"));
});

test("a changed model gets a proof of its own, and none is written where none is wanted", async () => {
  await writeModel(at("other"), description, draw(2));
  await convert("proved", "mixed", "hf", "--interpolate", at("other"));
  await convert("proved", "larger", "hf", "--image-size", "16");
  expect(parseSelfCheck(await proof("mixed"), "mixed")).not.toEqual(parseSelfCheck(await proof("proved"), "proved"));
  expect(parseSelfCheck(await proof("larger"), "larger").imageSize).toBe(16);
  await convert("proved", "unproved", "hf", "--self-check", "off");
  await expect(proof("unproved")).rejects.toThrow("ENOENT");
});

test("a source that is not the model that was proved is not passed on as proved", async () => {
  await convert("proved", "damaged", "hf");
  await writeModel(at("damaged"), description, draw(3));
  const words = ["convert", at("damaged"), at("refused"), "--to", "open_clip"];
  const { result, stderr } = await captureOutput(() => runCommandLine(commands, words));
  expect(result).toBe(1);
  expect(stderr).toContain("refused is not the model that it was converted from: features are up to");
  await expect(proof("refused")).rejects.toThrow("ENOENT");
});
