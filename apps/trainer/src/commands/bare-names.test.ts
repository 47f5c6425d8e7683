import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goldenPath, captureOutput } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-bare-names-"));
const at = (name: string): string => join(folder, name);
const bare = "somebody/their-clip";

beforeAll(async () => {
  const create = { width: 9, height: 9, channels: 3, background: "red" } as const;
  await sharp({ create }).toFile(at("a.png"));
  await writeFile(at("a.txt"), "a red square");
  await writeFile(
    at("config.yaml"),
    `run: ${at("run")}\nengine: cpu\nmodel: { preset: nano }\nsteps: 1\n` +
      "data: { train: { kind: synthetic, count: 8 }, batchSize: 4 }\n",
  );
});
afterAll(() => rm(folder, { recursive: true }));

const settings = (...changes: readonly string[]): string[] => [
  "train",
  at("config.yaml"),
  ...changes.flatMap((change) => ["--set", change]),
];

test.each([
  [["classify", bare, at("a.png"), "--labels", "a"]],
  [["embed", bare, at("a.png"), "-o", at("out.npy")]],
  [["evaluate", bare, "--retrieval", folder]],
  [["convert", bare, at("out"), "--to", "hf"]],
  [["forward", bare, goldenPath("clip-vit/io.safetensors"), "-o", at("out.safetensors")]],
  [["tokenize", bare]],
  [["preprocess", bare, at("a.png"), "-o", at("out.safetensors")]],
  [settings("model={from: somebody/their-clip}")],
  [settings("model.vision=somebody/their-clip")],
  [settings("model.text=somebody/their-clip")],
  [settings("model.tokenizer=somebody/their-clip")],
  [settings("model={config: somebody/their-clip}")],
  [settings("distill.from=somebody/their-clip")],
])("%j asks whether the hub was meant", async (argv) => {
  const { result, stderr } = await captureOutput(() => runCommandLine(commands, argv));
  expect(stderr).toMatch(/ Did you mean hf:somebody\/their-clip\?\n$/u);
  expect(result).toBe(1);
});
