// Every comparison runs as a user starts it, on a tiny model and without Python. Times are not judged:
// that all sides were there, gave the same results and have their rows is.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test, vi } from "vitest";
import { makeShards } from "./inputs/make-shards.mjs";
import { firstSamples, openTars } from "./inputs/read-shards.mjs";
import { median } from "./measure/statistics.mjs";
import { agreementOf } from "./report/agreement.mjs";

vi.setConfig({ testTimeout: 180_000 }); // each starts several processes, one after another
const run = promisify(execFile);
const peer = "transformers.js";
const program = fileURLToPath(new URL("main.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "clip-ts-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a comparison prints, and what it adds to a file. Fails if the sides did not agree. */
async function bench(...words: string[]): Promise<{ printed: string; recorded: string }> {
  const file = join(folder, `${words[0]}.md`);
  const args = [program, ...words, "--quick", "--record-to", file];
  const { stdout } = await run(process.execPath, args);
  return { printed: stdout, recorded: readFileSync(file, "utf8") };
}

/** First cells of the recorded table's rows. */
const rowNames = (markdown: string): string[] =>
  [...markdown.matchAll(/^\| (.*?) +\|/gm)].map(([, name = ""]) => name).slice(2);

const linesTooWide = (text: string): string[] => text.split("\n").filter((line) => line.length > 80);

test("training on two engines gives the same losses", async () => {
  const { printed, recorded } = await bench("train", "--engines", "onnx,wasm", "--peers", "");
  expect(rowNames(recorded)).toEqual(["clip-ts onnx", "clip-ts wasm"]);
  expect(recorded).toContain("`pnpm bench train --engines onnx,wasm");
  expect(linesTooWide(printed)).toEqual([]);
  expect(printed).toMatch(/losses from clip-ts onnx's: clip-ts wasm \d/);
});

test("transformers.js embeds the exported model to the same features", async () => {
  const { printed, recorded } = await bench("infer", "--engines", "onnx", "--peers", peer);
  const sides = ["clip-ts onnx", peer];
  const parts = ["images", "texts"];
  expect(rowNames(recorded)).toEqual(parts.flatMap((part) => sides.map((side) => `${part}: ${side}`)));
  expect(linesTooWide(printed)).toEqual([]);
});

test("weights of fewer bits give nearly the same features", async () => {
  const { printed, recorded } = await bench("dtypes");
  expect(rowNames(recorded)).toEqual(["f32", "f16", "q8"]);
  expect(linesTooWide(printed)).toEqual([]);
});

test("transformers.js gives plain captions the same ids", async () => {
  const { printed, recorded } = await bench("tokenize", "--peers", peer);
  expect(rowNames(recorded)).toEqual(["captions: clip-ts", `captions: ${peer}`]);
  expect(linesTooWide(printed)).toEqual([]);
});

test("transformers.js makes nearly the same pixels of images", async () => {
  const { printed, recorded } = await bench("preprocess", "--peers", peer);
  expect(rowNames(recorded)).toHaveLength(4);
  expect(linesTooWide(printed)).toEqual([]);
});

test("every part of the data's way has a row for each side, and every target a line", async () => {
  const { printed, recorded } = await bench("data", ..."--peers= --threads 1 --rounds 1 --warmup 0".split(" "));
  const sharp = "tar-stream, sharp";
  const crops = ["crop: clip-ts", "crop: clip-ts exact", `crop: ${sharp}`];
  const decoding = ["decode: clip-ts", `decode: ${sharp}`];
  const reading = ["read: clip-ts", `read: ${sharp}`];
  const before = [...reading, ...decoding, ...crops];
  const [smallest = "", ...larger] = recorded.split("\n## ").filter((part) => part.startsWith("Data, pictures"));
  expect(rowNames(smallest)).toEqual([...before, "tokenize: clip-ts", "stream: clip-ts"]);
  expect(larger.map(rowNames)).toEqual([
    [...before, "stream: clip-ts"],
    [...before, "stream: clip-ts"],
  ]);
  expect(
    recorded.match(/^\| reading tars, clip-ts .* MB\/s \| >= 200 MB\/s \| +(?:reached|missed) \|$/m),
  ).not.toBeNull();
  expect(
    recorded.match(/^\| crop, 256-350 px +\| +sharp alone \| +\d+\.\d+x \| +>= 0.9x \| +(?:reached|missed) \|$/m),
  ).not.toBeNull();
  expect(recorded.match(/^\| crop, 1200 px +\| +open_clip \| +- \| +>= 1x \| no figure \|$/m)).not.toBeNull();
  expect(linesTooWide(printed)).toEqual([]);
});

test("training from tars is set beside the same from ready batches", async () => {
  const { printed, recorded } = await bench("data-train");
  expect(rowNames(recorded.split("\n## ")[1] ?? "")).toEqual(["tiny: tars", "tiny: ready batches"]);
  expect(recorded).toMatch(/^\| tiny: wait +\| +\d+\.\d % \|/m);
  expect(linesTooWide(printed)).toEqual([]);
});

test("memory is looked at in quarters of a pass over tars", async () => {
  const { printed, recorded } = await bench("data-memory");
  expect(rowNames(recorded)).toEqual(["quarter 1", "quarter 2", "quarter 3", "quarter 4", "peak"]);
  expect(recorded).toMatch(/The last quarter's median is -?\d+\.\d % above the second's/);
  expect(linesTooWide(printed)).toEqual([]);
});

test("flat indexes find the nearest rows of a mixture", async () => {
  const { printed, recorded } = await bench("search", "--stores", "flat f32,flat int8");
  expect(rowNames(recorded)).toEqual(["flat f32", "flat int8"]);
  const recalls = [...recorded.matchAll(/\| (\d\.\d{4}) \|/g)].map(([, recall]) => Number(recall));
  expect(recalls[0]).toBe(1);
  expect(recalls[1]).toBeGreaterThanOrEqual(0.9);
  expect(linesTooWide(printed)).toEqual([]);
});

test("the same shards have the same bytes, and are made once", async () => {
  const notes: string[] = [];
  const wanted = { size: "256-350", pairs: 5, pictures: 2, shard: 3 } as const;
  const first = await makeShards(join(folder, "first"), wanted, (line) => notes.push(line));
  const second = await makeShards(join(folder, "second"), wanted, (line) => notes.push(line));
  await makeShards(join(folder, "first"), wanted, (line) => notes.push(line));
  expect(notes).toHaveLength(2);
  const bytesOf = (made: { folder: string }, name: string): Buffer => readFileSync(join(made.folder, name));
  for (const name of ["00000.tar", "00001.tar"]) expect(bytesOf(first, name).equals(bytesOf(second, name))).toBe(true);
  const samples = await firstSamples(await openTars(first.pattern), 9);
  expect(samples.map(({ key }) => key)).toEqual(
    [0, 1, 2].map((at) => `00000/00000000${at}`).concat(["00001/000010000", "00001/000010001"]),
  );
});

test.skipIf(!existsSync(process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium"))(
  "a browser's engines give the same features",
  async () => {
    const { printed, recorded } = await bench("browser");
    const sides = ["tfjs wasm, one thread", "onnx, page not isolated", "onnx, isolated page"] as const;
    const parts = ["pixels", "files"];
    const rows = rowNames(recorded).filter((name) => !name.includes("gpu"));
    expect(rows).toEqual(parts.flatMap((part) => sides.map((side) => `${part}: ${side}`)));
    expect(printed).toContain("features of files from tfjs wasm, one thread's");
    expect(linesTooWide(printed)).toEqual([]);
  },
);

test("the table of targets has a verdict for each", async () => {
  const { printed, recorded } = await bench("table", "--engines", "onnx", "--peers", "");
  const verdicts = /^\| [^|]+\|[^|]+\|[^|]+\| +[<>]= [^|]+\| +(?:reached|missed|no figure) \|$/gm;
  expect(recorded.match(verdicts)).toHaveLength(12);
  expect(linesTooWide(printed)).toEqual([]);
});

test("a side that cannot run is told of and left out", async () => {
  const { stderr, stdout } = await run(process.execPath, [
    program,
    ..."train --quick --engines onnx,no-such --peers open_clip --python".split(" "),
    join(folder, "no-python"),
  ]);
  expect(stderr).toContain("skipped clip-ts no-such: there is no such engine");
  expect(stderr).toContain("skipped open_clip: there is no Python with PyTorch");
  expect(stdout).toContain("There are no two sides whose losses could differ.");
});

test("wrong words end with the usage and code 2", async () => {
  for (const words of [["fly"], ["train", "--precision", "f8"], ["train", "--rounds", "two"], []]) {
    const outcome = await run(process.execPath, [program, ...words]).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 2 });
  }
});

test("sides that differ are said to", () => {
  const sides = [
    { name: "ours", values: [1, 2] },
    { name: "theirs", values: [1, 2.5] },
  ];
  const { holds, text } = agreementOf(sides, { what: "losses", limit: 0.1 });
  expect(holds).toBe(false);
  expect(text).toContain("THE SIDES DO NOT DO THE SAME WORK");
  const broken = { name: "theirs", values: [1, Number.NaN] };
  expect(agreementOf([sides[0]!, broken], { what: "losses", limit: 0.1 }).holds).toBe(false);
});

test("the median is the middle value or the mean of two", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});
