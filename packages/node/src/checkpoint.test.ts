import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readlinkSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { flattenTree, toHost, type HostArray } from "@clip-ts/core";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset, type ClipParams } from "@clip-ts/model";
import { randomTensor, tensorsLeftBy } from "@clip-ts/test-utils";
import { dispose, memory, tensor, Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listCheckpoints, readCheckpointState, readHostSlots, saveCheckpoint, type Checkpoint } from "./checkpoint.ts";
import { closing, loadHostParams, loadModelParams, tokenizerFor } from "@clip-ts/inference";
import { locateModel, openModel } from "./open-model.ts";

const config = preset("nano");
const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
let root = "";
let params: ClipParams;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clip-ts-runs-"));
  params = initClip(config, 3);
});
afterAll(async () => {
  dispose(flattenTree<Tensor>(params));
  await rm(root, { recursive: true, force: true });
});

const save = (run: string, checkpoint: Partial<Checkpoint>, keep?: number): Promise<string> =>
  saveCheckpoint(run, description, { step: 1, params, slots: {}, state: {}, ...checkpoint }, keep);

async function bytesOf(leaf: Tensor | HostArray): Promise<Uint8Array> {
  const { data } = leaf instanceof Tensor ? await toHost(leaf) : leaf;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

describe("what is saved comes back", () => {
  test("optimiser slots bit for bit, with every odd float", async () => {
    const odd = [-0, 1e-45, 3.4e38, -Infinity, Infinity, NaN, 0.1, -1 / 3];
    const first = { "a.weight": randomTensor([3, 5], 1), "a.bias": tensor(odd) };
    const second = { "a.weight": randomTensor([3, 5], 2), "a.bias": tensor(odd.toReversed()) };
    const slots = { first, second };
    const folder = await save(join(root, "slots"), { slots });
    const found = await readHostSlots(folder, ["first", "second"]);
    const [written, read] = [flattenTree<Tensor>(slots), flattenTree<HostArray>(found)];
    expect(Object.keys(read).toSorted()).toEqual(Object.keys(written).toSorted());
    for (const [path, leaf] of Object.entries(written)) {
      expect(read[path]!.shape).toEqual(leaf.shape);
      expect(await bytesOf(read[path]!)).toEqual(await bytesOf(leaf));
    }
    dispose(Object.values(written));
  });

  test("parameters bit for bit", async () => {
    const folder = await save(join(root, "params"), {});
    const loaded = flattenTree<Tensor>(await closing(await openModel(folder), loadModelParams));
    for (const [path, leaf] of Object.entries(flattenTree<Tensor>(params))) {
      expect(await bytesOf(loaded[path]!)).toEqual(await bytesOf(leaf));
    }
    dispose(loaded);
  });

  test("state, whose step is always the checkpoint's", async () => {
    const state = { seed: 1, cursor: { epoch: 2, offset: 7 }, best: null, step: 99 };
    const folder = await save(join(root, "state"), { step: 12, state });
    expect(await readCheckpointState(folder)).toEqual({ ...state, step: 12 });
  });

  test("no slots at all", async () => {
    const folder = await save(join(root, "stateless"), {});
    expect(await readHostSlots(folder, [])).toEqual({});
  });

  test("and saving leaves no tensor behind", async () => {
    expect(await tensorsLeftBy(() => save(join(root, "leaks"), {}))).toBe(0);
  });
});

describe("a run folder", () => {
  test("keeps the newest checkpoints, and `latest` points at the last", async () => {
    const run = join(root, "kept");
    expect(await listCheckpoints(run)).toEqual([]);
    for (const step of [1, 9, 10, 100]) await save(run, { step }, 2);
    expect(await listCheckpoints(run)).toEqual(["step-0000010", "step-0000100"]);
    expect(readlinkSync(join(run, "latest"))).toMatch(/checkpoints.step-0000100/);
    expect((await readCheckpointState(locateModel(run))).step).toBe(100);
    await save(run, { step: 101 }, 0);
    expect(await listCheckpoints(run)).toEqual(["step-0000101"]);
  });

  test("replaces a checkpoint of the same step", async () => {
    const run = join(root, "replaced");
    await save(run, { step: 5, state: { note: "old" } });
    await save(run, { step: 5, state: { note: "new" } });
    expect(await readdir(join(run, "checkpoints"))).toEqual(["step-0000005"]);
    expect(await readCheckpointState(locateModel(run))).toMatchObject({ note: "new" });
  });

  test("does not count folders that were being written", async () => {
    const run = join(root, "interrupted");
    await save(run, { step: 5 });
    await mkdir(join(run, "checkpoints", "step-0000006.partial"));
    await mkdir(join(run, "checkpoints", "step-0000004.replaced"));
    expect(await listCheckpoints(run)).toEqual(["step-0000005"]);
    await save(run, { step: 6 });
    expect(await listCheckpoints(run)).toEqual(["step-0000005", "step-0000006"]);
  });

  test("without links is found by the newest checkpoint's name", async () => {
    const run = join(root, "linkless");
    await mkdir(join(run, "latest", "in the way"), { recursive: true }); // no link can be made here
    const folder = await save(run, { step: 5 }).catch(() => undefined);
    expect(folder).toBe(join(run, "checkpoints", "step-0000005"));
    expect(locateModel(run)).toBe(folder);
  });

  test("a link that leads nowhere does not hide the newest checkpoint", async () => {
    const run = join(root, "dangling");
    const folder = await save(run, { step: 5 });
    await rm(join(run, "latest"));
    await symlink(join("checkpoints", "step-0000001"), join(run, "latest"), "junction");
    expect(locateModel(run)).toBe(folder);
  });
});

describe("a checkpoint that does not fit is an error that says so", () => {
  const slotsOf = (...names: string[]): Checkpoint["slots"] =>
    Object.fromEntries(names.map((name) => [name, { weight: randomTensor([2], 1) }]));

  for (const wanted of [["momentum"], ["first"], ["first", "second", "ema"]]) {
    test(`first and second on disk, ${wanted.join(", ")} asked for`, async () => {
      const slots = slotsOf("first", "second");
      const folder = await save(join(root, `wrong-${wanted.join("-")}`), { slots });
      dispose(slots as never);
      const before = memory().numTensors;
      await expect(readHostSlots(folder, wanted)).rejects.toMatchObject({
        code: "bad-weights",
        data: { found: ["first", "second"], wanted },
      });
      await expect(readHostSlots(folder, wanted)).rejects.toThrow(/resume with the same optimizer kind/);
      expect(memory().numTensors).toBe(before);
    });
  }

  test("a state without a step, or missing", async () => {
    const folder = await save(join(root, "stepless"), {});
    await writeFile(join(folder, "state.json"), "null");
    await expect(readCheckpointState(folder)).rejects.toThrow(/state\.json does not say which step/);
    await rm(join(folder, "state.json"));
    await expect(readCheckpointState(folder)).rejects.toMatchObject({ code: "not-found" });
  });
});

/** Every number of the parameters, the slots and the state. */
async function numbersIn(folder: string): Promise<Set<unknown>> {
  const found = flattenTree<HostArray>({
    params: await closing(await openModel(folder), loadHostParams),
    slots: await readHostSlots(folder, ["first", "second"]),
  });
  const { step, cursor } = await readCheckpointState(folder);
  const numbers = new Set<unknown>([step, cursor]);
  for (const leaf of Object.values(found)) {
    for (const value of leaf.data) numbers.add(value);
  }
  return numbers;
}

const isBuilt = existsSync(new URL("../dist/index.js", import.meta.url));
if (!isBuilt) console.warn("Skipped: kill tests need the built packages (pnpm build).");

describe.skipIf(!isBuilt)("a process killed while it saves", () => {
  for (const delay of [0, 4, 13]) {
    test.concurrent(`after ${delay} ms leaves a whole checkpoint`, async () => {
      const run = join(root, `killed-${delay}`);
      const script = fileURLToPath(new URL("fixtures/save-in-a-loop.mjs", import.meta.url));
      const child = spawn(process.execPath, [script, run], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill("SIGKILL");
      await once(child, "exit");
      const names = await listCheckpoints(run);
      for (const name of names) {
        const numbers = await numbersIn(join(run, "checkpoints", name));
        expect(numbers).toEqual(new Set([Number(name.slice("step-".length))]));
      }
      expect(names.length).toBeGreaterThanOrEqual(2);
      expect((await readCheckpointState(locateModel(run))).step).toBeGreaterThanOrEqual(2);
    });
  }
});
