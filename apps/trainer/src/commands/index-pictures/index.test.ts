import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openPictureIndex } from "@clip-ts/picture-index";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { makePictures, writeNano, writeTars } from "../embed/fixtures/picture-shards.ts";
import { commands } from "../index.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-index-"));
const at = (...names: string[]): string => join(folder, ...names);
const index = (...argv: string[]) =>
  captureOutput(() => runCommandLine(commands, ["index", ...argv, "--store", "flat", "--engine", "cpu"]));

/** What the script says that an index of its folder holds and leaves out. */
interface Made {
  readonly pictures: number;
  readonly leftOut: Readonly<Record<string, number>>;
}
let made: Made = { pictures: 0, leftOut: {} };

beforeAll(async () => {
  await writeNano(at("model"), 1);
  await writeNano(at("other"), 2);
  const script = fileURLToPath(new URL("../../../../../bench/make-photographs.mjs", import.meta.url));
  made = JSON.parse(
    execFileSync(process.execPath, [script, at("photos"), "--count", "40"], { encoding: "utf8" }),
  ) as Made;
}, 120_000);
afterAll(async () => {
  await useEngine("cpu");
  rmSync(folder, { recursive: true });
});

async function rowsIn(name: string) {
  const opened = await openPictureIndex(at(name));
  const rows = [];
  for await (const some of opened.vectors.scan({ withVectors: true })) rows.push(...some);
  await opened.close();
  return rows;
}

test("a folder of people's photographs is indexed without a stop, what is left out counted by reason", async () => {
  const json = at("summary.json");
  const { result, stdout, stderr } = await index(at("model"), at("photos"), "-o", at("photos.index"), "--json", json);
  expect([result, stderr]).toEqual([0, expect.stringContaining("turned upright as their EXIF tag says")]);
  expect(stdout).toMatch(new RegExp(`pictures +${made.pictures}\\n +added +${made.pictures}\\n`));
  expect(stdout).toContain(`--index ${at("photos.index")}`);
  const summary = JSON.parse(readFileSync(json, "utf8")) as { leftOut: { kind: string; count: number }[] };
  expect(Object.fromEntries(summary.leftOut.map(({ kind, count }) => [kind, count]))).toEqual(made.leftOut);
  for (const { id, fields } of await rowsIn("photos.index")) {
    const { autoOrient } = await sharp(id).metadata();
    expect({ id, width: fields["width"], height: fields["height"] }).toEqual({ id, ...autoOrient });
  }
});

test("vectors are those of embed --exif, in the same order", async () => {
  const args = [at("model"), at("photos"), "-o", at("photos.jsonl"), "--exif", "--engine", "cpu", "--max-skipped", "9"];
  expect((await captureOutput(() => runCommandLine(commands, ["embed", ...args]))).result).toBe(0);
  const lines = readFileSync(at("photos.jsonl"), "utf8").trimEnd().split("\n");
  const embedded = new Map(
    lines.map((line) => {
      const { input, embedding } = JSON.parse(line) as { input: string; embedding: number[] };
      return [input, embedding];
    }),
  );
  const rows = await rowsIn("photos.index");
  expect(rows.map(({ id }) => id)).toEqual([...embedded.keys()].toSorted());
  for (const { id, vector } of rows) {
    const cosine = (embedded.get(id) ?? []).reduce((sum, value, at) => sum + value * (vector?.[at] ?? 0), 0);
    expect(cosine).toBeCloseTo(1, 5);
  }
});

test("without words everything that the index is of is looked at; tars join it", async () => {
  await writeTars(at("tars"), await makePictures(6, (number) => number === 3), 4);
  expect((await index(at("model"), at("tars"), "-o", at("photos.index"))).stdout).toMatch(/added +5\n/);
  const again = await index(at("model"), "-o", at("photos.index"));
  expect(again.stdout).toMatch(new RegExp(`added +0\\n[^]*unchanged +${made.pictures + 5}\\n`));
  renameSync(at("photos"), at("away"));
  const refused = await index(at("model"), "-o", at("photos.index"));
  expect([refused.result, refused.stderr]).toEqual([1, expect.stringContaining("--forget")]);
  const forgotten = await index(at("model"), "-o", at("photos.index"), "--forget", at("photos"));
  expect(forgotten.stdout).toMatch(new RegExp(`removed +${made.pictures}\\n`));
});

test("another model is refused by name; --remap embeds anew and the index has its name", async () => {
  const refused = await index(at("other"), at("tars"), "-o", at("photos.index"));
  expect([refused.result, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/by the model model \(\w+\), not by other/),
  ]);
  const { result, stdout } = await index("--remap", at("other"), "-o", at("photos.index"), "--name", "mine");
  expect([result, stdout]).toEqual([0, expect.stringMatching(/added +5\n[^]*model mine;/)]);
});

test("words and options that make no sense together are wrong usage", async () => {
  for (const [argv, said] of [
    [[], "needs a model"],
    [[at("model")], "no index in"],
    [[at("model"), at("tars"), "--dtype", "int8", "--store", "lance"], "--dtype is for --store flat"],
    [[at("model"), at("tars"), "--store", "qdrant"], "needs the server's address"],
    [[at("model"), at("tars"), "--qdrant", "http://127.0.0.1:1", "--store", "flat"], "--qdrant is for"],
  ] as const) {
    const words = ["index", ...argv, "-o", at("nothing")];
    const { result, stderr } = await captureOutput(() => runCommandLine(commands, words));
    expect([result, stderr], argv.join(" ")).toEqual([2, expect.stringContaining(said)]);
  }
});
