import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { graphicsCard, tensorFloat32 } from "./tensorflow.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-card-"));
afterAll(() => rm(folder, { recursive: true }));

// A driver's program is played by a script of the shell, which Windows does not run.
const onWindows = process.platform === "win32";

async function driver(script: string): Promise<string> {
  const path = join(folder, `driver-${script.length}`);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

test.skipIf(onWindows)("the first card's name is what the driver prints first", async () => {
  const two = await driver('[ "$1" = --query-gpu=name ] && printf "NVIDIA A\\nNVIDIA B\\n"');
  expect(graphicsCard(two)).toBe("NVIDIA A");
});

test.skipIf(onWindows)("no driver, a failing one and a silent one are no card", async () => {
  expect(graphicsCard(join(folder, "none"))).toBeUndefined();
  expect(graphicsCard(await driver("exit 9"))).toBeUndefined();
  expect(graphicsCard(await driver(":"))).toBeUndefined();
});

test("the state of TF32 follows the driver's variable", () => {
  expect(tensorFloat32({ NVIDIA_TF32_OVERRIDE: "0" })).toBe("TF32 off");
  expect(tensorFloat32({})).toMatch(/^TF32 where the card has it/u);
});
