import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-adapter-"));
afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

test.each([
  [{ rank: 3 }, 3],
  [{ rank: 3, alpha: 5 }, 5],
])("an adapter says what it counts, also where %j leaves it out: PEFT would take 8", async (lora, alpha) => {
  const path = join(folder, `run-${alpha}`);
  const config = {
    run: path,
    engine: "wasm",
    model: { preset: "nano" },
    data: { train: { kind: "synthetic", count: 8 }, batchSize: 4 },
    lora,
    steps: 1,
  };
  await writeFile(`${path}.yaml`, JSON.stringify(config));
  const { result, stderr } = await captureOutput(() => runCommandLine(commands, ["train", `${path}.yaml`]));
  expect(result, stderr).toBe(0);
  const json = await readFile(join(path, "latest/adapter/adapter_config.json"), "utf8");
  expect(JSON.parse(json)).toMatchObject({ peft_type: "LORA", r: 3, lora_alpha: alpha });
});
