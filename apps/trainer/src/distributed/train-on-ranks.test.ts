// clip-ts train on the ranks of a launcher: what is written and said, how it ends, how it goes on.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { mpiLaunchersHere, startRanks, type RanksEnded, type RanksStart } from "@clip-ts/test-utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { makePictures, writePictures } from "../commands/embed/fixtures/picture-shards.ts";
import { clipTs, finish, misbehaving } from "./fixtures/launch.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-on-ranks-"));
const at = (...names: string[]): string => join(folder, ...names);
/** Processes on a machine that is busy with other tests. */
const patience = { timeout: 600_000 };

afterAll(() => rmSync(folder, { recursive: true }));

/** A config on 8 pairs a step, and the words that train it. */
function words(run: string, changes: object = {}, ...more: string[]): string[] {
  const file = at(`${run}.yaml`);
  const settings = {
    run: at(run),
    engine: "onnx",
    threads: 1,
    model: { preset: "nano" },
    data: { train: { kind: "synthetic", count: 64 }, batchSize: 8 },
    steps: 60,
    schedule: { learningRate: 0.01, warmupSteps: 2 },
    checkpoint: { every: 10 },
    ...changes,
  };
  writeFileSync(file, stringify(settings));
  return [clipTs, "train", file, ...more];
}

const resume = (run: string): string[] => [clipTs, "train", "--resume", at(run)];

const weightsOf = (run: string): string => readFileSync(at(run, "latest", "model.safetensors")).toString("base64");

interface Line {
  readonly step: number;
  readonly loss?: number;
  readonly "retrieval.loss"?: number;
}

const linesOf = (run: string): Line[] =>
  readFileSync(at(run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

/** What evaluations found. */
const evaluationsOf = (run: string): Line[] => linesOf(run).filter((line) => "retrieval.loss" in line);

const count = (text: string, part: string): number => text.split(part).length - 1;

/** Waits until a run has reported so many steps. */
async function reported(run: string, steps: number): Promise<void> {
  const file = at(run, "metrics.jsonl");
  await expect
    .poll(() => existsSync(file) && linesOf(run).length >= steps, { timeout: 240_000, interval: 20 })
    .toBe(true);
}

describe.each(mpiLaunchersHere())("under $name", (launcher) => {
  const named = (run: string): string => `${launcher.name.replace(" ", "-")}-${run}`;
  const onRanks = (ranks: number, argv: string[]): RanksStart => ({ launcher, ranks, words: argv });
  const plain = named("plain");
  beforeAll(async () => void (await finish(onRanks(2, words(plain)))), patience.timeout);

  test("rank 0 alone speaks and writes; evaluation finds what one process finds", patience, async () => {
    const evaluate = { every: 2, retrieval: { data: { kind: "synthetic", count: 75 }, captions: "all" } };
    const measured = {
      steps: 4,
      evaluate,
      tensorboard: true,
      earlyStopping: { metric: "retrieval.loss", patience: 9 },
    };
    const data = { train: { kind: "synthetic", count: 64 }, batchSize: 4 };
    const run = named("measured");
    await finish({ words: words(named("alone"), { ...measured, data, accumulate: 2 }) });
    const { stdout, stderr } = await finish(onRanks(2, words(run, measured)));
    expect([count(stdout, "Trained 4 steps"), count(stderr, "engine  "), count(stderr, "run     ")]).toEqual([1, 1, 1]);
    expect(stderr).toMatch(/^ranks {3}2, .*: each has 4 of 8 pairs a step; learning rate 0\.01$/m);
    expect(evaluationsOf(run)).toHaveLength(2);
    // the validation loss compares as many pairs as `batchSize` says, which is half of it in the one process
    const withoutLoss = (line: Line): Line => ({ ...line, "retrieval.loss": 0 });
    expect(evaluationsOf(run).map(withoutLoss)).toEqual(evaluationsOf(named("alone")).map(withoutLoss));
    expect(weightsOf(run)).toBe(weightsOf(named("alone")));
    expect(readdirSync(at(run)).filter((name) => name.startsWith("events."))).toHaveLength(1);
    expect(existsSync(at(run, "training.lock"))).toBe(false);
    const state = JSON.parse(readFileSync(at(run, "latest", "state.json"), "utf8")) as object;
    expect(state).toMatchObject({ globalBatch: 8, identity: { data: { count: 64 } } });
  });

  test("pairs that do not divide among the ranks are refused, once", patience, async () => {
    const { code, stderr } = await startRanks(onRanks(3, words(named("three")))).ended;
    expect(code).not.toBe(0);
    expect(count(stderr, "8 pairs do not divide among 3 ranks. Take 6 or 9, or another number of ranks.")).toBe(1);
  });

  test("all stop at one step when they are asked to, and go on to the same weights", patience, async () => {
    const run = named("stopped");
    const { child, ended } = startRanks(onRanks(2, words(run, { steps: 60, logEvery: 1 })));
    await reported(run, 3);
    child.kill(launcher.passesOn);
    const { code, stderr } = await ended;
    expect(count(stderr, "Go on with: clip-ts train --resume")).toBe(1);
    if (launcher.name === "Open MPI") expect(code).toBe(130); // MPICH's calls it a success
    await finish(onRanks(2, resume(run)));
    expect(weightsOf(run)).toBe(weightsOf(plain));
  });

  test.each(["killed", "throws", "exits", "stalls"])(
    "a rank that %s ends all, and the run goes on",
    patience,
    async (how) => {
      const run = named(how);
      const environment = {
        NODE_OPTIONS: `--import ${pathToFileURL(misbehaving).href}`,
        MISBEHAVIOUR: `${how} ${at(run, "metrics.jsonl")} 15`,
      };
      const ended = await startRanks({ ...onRanks(2, words(run, {}, "--comm-timeout", "5")), environment }).ended;
      expect(ended.code).not.toBe(0);
      expect(ended.stderr).toContain(`clip-ts train --resume ${at(run)}`);
      expect(messagesOf(ended)).toBeLessThanOrEqual(1);
      expect(linesOf(run).length).toBeLessThan(60);
      await finish(onRanks(2, resume(run)));
      expect(weightsOf(run)).toBe(weightsOf(plain));
      expect(linesOf(run).map(({ step }) => step)).toEqual(Array.from({ length: 60 }, (_, step) => step));
    },
  );

  test("evaluate finds on ranks what it finds on one, to the last digit", patience, async () => {
    writePictures(at("some"), await makePictures(90, (number) => number % 40 === 7));
    const measure = (file: string): string[] => {
      const data = ["--retrieval", at("some"), "--engine", "onnx", "--threads", "1"];
      return [clipTs, "evaluate", at(plain), ...data, "--json", at(file)];
    };
    const [one, two] = [`${named("one")}.json`, `${named("two")}.json`];
    const alone = await finish({ words: measure(one) });
    const ranks = await finish(onRanks(2, measure(two)));
    expect(readFileSync(at(two), "utf8")).toBe(readFileSync(at(one), "utf8"));
    expect([ranks.stdout, ranks.stderr]).toEqual([alone.stdout, alone.stderr]);
  });

  test("another number of pairs a step is refused by name, another number of ranks is not", patience, async () => {
    const run = named("other");
    await finish(onRanks(2, words(run, { steps: 4 })));
    rmSync(at(run, "config.yaml"));
    const data = { train: { kind: "synthetic", count: 64 }, batchSize: 4 };
    const { code, stderr } = await startRanks(onRanks(2, words(run, { data, steps: 6 }, "--resume"))).ended;
    expect(code).not.toBe(0);
    expect(stderr).toContain('was begun with 8 pairs a step, and now there are 4: bring back "data.batchSize"');
    await finish(onRanks(4, words(run, { steps: 6 }, "--resume")));
    expect(linesOf(run)).toHaveLength(6);
  });

  test(
    "four ranks begin an epoch of 1,000 pairs, 20 of them broken, and two end it as one does",
    patience,
    async () => {
      writePictures(at("pictures"), await makePictures(1000, (number) => number % 50 === 13));
      const data = { train: { kind: "folder", path: at("pictures") }, batchSize: 40, maxSkipped: 30 };
      const schedule = { kind: "constant", learningRate: 1e-4, warmupSteps: 2 }; // whatever the steps
      const changes = { data, steps: 25, schedule, checkpoint: { every: 10 } };
      const run = named("epoch");
      await finish(onRanks(4, words(run, { ...changes, steps: 10 })));
      const { stderr } = await finish(onRanks(2, words(run, changes, "--resume")));
      const alone = await finish({ words: words(named("epoch-alone"), changes) });
      expect(alone.stderr).toContain("20 images that cannot be read");
      expect(stderr).toMatch(/\d+ images that cannot be read/);
      const [own, whole] = [linesOf(run), linesOf(named("epoch-alone"))];
      expect(own.map(({ step }) => step)).toEqual(whole.map(({ step }) => step));
      for (const [step, { loss = 0 }] of own.entries()) expect(loss).toBeCloseTo(whole[step]!.loss!, 3);
    },
  );
});

/** Lines that ranks wrote about why all end. */
function messagesOf({ stderr }: RanksEnded): number {
  return stderr.split("\n").filter((line) => /^(clip-ts: )?rank \d+ (of|on) /.test(line)).length;
}
