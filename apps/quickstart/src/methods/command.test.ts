// The whole command on the emoji drawings: trained, interpolated, measured; and interrupted.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { useEngine } from "@clip-ts/test-utils";
import { bytesSource, openWeights, readAll, toFloat32, type HostTensor } from "@clip-ts/weights";
import { afterAll, expect, test } from "vitest";
import { runCommandLine } from "../run-program.test.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-methods-"));
const at = (...names: string[]): string => join(folder, ...names);
const program = fileURLToPath(new URL("../../../clip-ts/bin/clip-ts.js", import.meta.url));

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await useEngine("cpu");
});

/** The words of a small comparison. */
const words = (out: string, ...more: string[]): string[] => {
  const size = ["--out", at(out), "--limit", "16", "--engine", "wasm"];
  return ["methods", ...size, ...more];
};

const projection = async (...path: string[]): Promise<Float32Array> => {
  const file = at("two", ...path, "model.safetensors");
  const tensors = await readAll(await openWeights(bytesSource(readFileSync(file)), file));
  return toFloat32(tensors["visual_projection.weight"] as HostTensor);
};

test("a method, the one it starts from and the model between them are trained and measured", async () => {
  const { result, stdout, stderr } = await runCommandLine(...words("two", "--steps", "2", "--only", "full"));
  expect(result, stderr).toBe(0);
  expect(stdout).toMatch(/^Recall@1 on drawings of a vendor that was never shown, 2 steps each\n\n/u);
  const rows = stdout.trim().split("\n").slice(3);
  const figures = String.raw`( +\d+\.\d %){4}$`;
  expect(rows).toHaveLength(3);
  expect(rows[0]).toMatch(new RegExp(`^from scratch, contrastive +2\\.14 M${figures}`, "u"));
  expect(rows[1]).toMatch(new RegExp(`^fine-tune everything .* 2\\.14 M${figures}`, "u"));
  expect(rows[2]).toMatch(new RegExp(`^WiSE-FT: half-way to the full fine-tune${figures}`, "u"));

  const { steps, results } = JSON.parse(readFileSync(at("two", "results.json"), "utf8")) as {
    steps: number;
    results: { name: string; german: Record<string, number> }[];
  };
  expect([steps, results.map(({ name }) => name)]).toEqual([2, ["scratch", "full", "wise-ft"]]);
  for (const { german } of results) {
    const recall = german["retrieval.imageToText.recallAt1"]! * 16; // of as many drawings
    expect(recall).toBeCloseTo(Math.round(recall), 6);
  }

  const [before, after] = [await projection("scratch", "latest"), await projection("full", "latest")];
  const between = await projection("wise-ft");
  expect(before).not.toEqual(after);
  between.forEach((value, index) => {
    expect(value).toBeCloseTo((before[index]! + after[index]!) / 2, 6);
  });
}, 240_000);

/** Resolves once a file has a line. */
async function lineIn(path: string): Promise<void> {
  for (let tries = 0; tries < 6000; tries++) {
    if (existsSync(path) && readFileSync(path, "utf8").includes("\n")) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  throw new Error(`${path} never had a line`);
}

test("an interrupted comparison ends with its run, and does not go on with the next method", async () => {
  const argv = words("cut", "--steps", "500", "--only", "scratch", "--only", "student");
  const child = spawn(process.execPath, [program, ...argv], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on("close", resolve);
  });
  await lineIn(at("cut", "scratch", "metrics.jsonl"));
  child.kill("SIGINT");
  expect(await ended, stderr).toBe(130);
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
    /^clip-ts: scratch stopped after \d+ of 500 steps and saved\. Run the same command to go on\.$/u,
  );
  expect(readdirSync(at("cut"))).toEqual(["scratch"]); // no other run, no table
}, 240_000);
