import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { commands } from "../index.ts";
import { makePictures, writeNano, writePictures, writeTars, type Picture } from "./fixtures/picture-shards.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-embed-shards-"));
const at = (...names: string[]): string => join(folder, ...names);
const model = at("model");
const embed = (...argv: string[]) => captureOutput(() => runCommandLine(commands, ["embed", ...argv]));
const cpu = ["--engine", "cpu"];
const broken = (number: number): boolean => number % 20 === 7;
let pictures: readonly Picture[] = [];

beforeAll(async () => {
  await writeNano(model, 1);
  pictures = await makePictures(85, broken);
  writePictures(at("images"), pictures);
  await writeTars(at("tars"), pictures, 40);
});
afterAll(async () => {
  await useEngine("cpu");
  rmSync(folder, { recursive: true });
});

const keysIn = (path: string): string[] => {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as string);
};

/** The values of a NumPy file, as bytes, and its shape. */
function npy(path: string): { readonly shape: string; readonly values: Buffer } {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  const shape = /\(\d+, \d+\)/.exec(bytes.toString("latin1", 10, start))?.[0] ?? "";
  return { shape, values: bytes.subarray(start) };
}

test.each(["cpu", "wasm", "onnx"])("on %s shards get the bits that embed gives the same pictures", async (engine) => {
  const own = ["--engine", engine];
  expect((await embed(model, at("images"), "-o", at(`${engine}.npy`), ...own)).result).toBe(0);
  const { result, stderr } = await embed(model, at("images"), "-o", at(`${engine}-folder/`), ...own);
  expect(stderr).toContain("left out: 4 images that cannot be read");
  expect(result).toBe(0);
  const expected = npy(at(`${engine}.npy`));
  const found = npy(at(`${engine}-folder`, "images/0.npy"));
  expect(found.shape).toBe("(81, 8)");
  expect(found.values.equals(expected.values)).toBe(true);
  const inputs = readFileSync(at(`${engine}.txt`), "utf8")
    .trimEnd()
    .split("\n");
  expect(keysIn(at(`${engine}-folder`, "images/0.keys.jsonl")).map((key) => at(key))).toEqual(inputs);

  expect((await embed(model, at("tars"), "-o", at(`${engine}-tars/`), "--batch", "40", ...own)).result).toBe(0);
  await embed("--join", at(`${engine}-tars`), "-o", at(`${engine}-joined.npy`));
  expect(npy(at(`${engine}-joined.npy`)).values.equals(expected.values)).toBe(true);
});

test("captions go along, row by row, as --texts embeds them", async () => {
  const { result } = await embed(model, at("tars", "{00000..00002}.tar"), "-o", at("both/"), "--what", "both", ...cpu);
  expect(result).toBe(0);
  await embed("--join", at("both"), "-o", at("both.npy"));
  const kept = pictures.filter((_, number) => !broken(number));
  writeFileSync(at("captions.txt"), kept.map(({ caption }) => `${caption}\n`).join(""));
  await embed(model, "--texts", at("captions.txt"), "-o", at("kept.npy"), ...cpu);
  const texts = npy(at("both.text.npy"));
  const wanted = npy(at("kept.npy"));
  expect([texts.shape, npy(at("both.npy")).shape]).toEqual(["(81, 8)", "(81, 8)"]);
  const floats = ({ values }: typeof texts): number[] =>
    Array.from({ length: values.length / 4 }, (_, index) => values.readFloatLE(4 * index));
  for (const [index, value] of floats(wanted).entries()) expect(floats(texts)[index]).toBeCloseTo(value, 5);
  expect(keysIn(at("both.keys.jsonl"))).toEqual(
    pictures.flatMap(({ key }, number) => (broken(number) ? [] : [`0000${Math.floor(number / 40)}/${key}`])),
  );
  await embed(model, at("tars"), "-o", at("texts/"), "--what", "text", ...cpu);
  await embed("--join", at("texts"), "-o", at("alone.npy"));
  expect(npy(at("alone.text.npy")).shape).toBe("(85, 8)"); // captions of damaged pictures among them
  expect(existsSync(at("alone.npy"))).toBe(false);
});

const python = ["/opt/peers/bin/python", "python3"].find((program) => {
  return spawnSync(program, ["-c", "import numpy"], { stdio: "ignore" }).status === 0;
});

test.skipIf(python === undefined)("NumPy reads the files", () => {
  const program = "import numpy, sys; rows = numpy.load(sys.argv[1]); print(rows.shape, rows.dtype)";
  const said = execFileSync(python ?? "", ["-c", program, at("both", "00002.npy")], { encoding: "utf8" });
  expect(said.trim()).toBe("(5, 8) float32");
});

test("what is left out is said by shard", () => {
  const record = JSON.parse(readFileSync(at("both", "00000.left-out.json"), "utf8")) as Record<string, unknown>;
  expect(record).toMatchObject({ samples: 40, rows: 38 });
  expect(record["leftOut"]).toMatchObject([
    { kind: "unreadable-image", key: "00000/00007", reason: expect.stringContaining("not a readable image") },
    { kind: "unreadable-image", key: "00000/00027" },
  ]);
});

test("more that cannot be read than may be ends the run; its shard is not finished", async () => {
  const refused = await embed(model, at("tars"), "-o", at("strict/"), "--max-skipped", "2", ...cpu);
  expect([refused.result, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/4 of 85 .*no more than 2 may be left out/),
  ]);
  expect(readdirSync(at("strict")).toSorted()).toEqual([
    ".embedding.lock",
    ".part-1-of-1.lock",
    "00000.keys.jsonl",
    "00000.left-out.json",
    "00000.npy",
    "embedding.json",
  ]);
  const { result, stderr } = await embed(model, at("tars"), "-o", at("strict/"), "--max-skipped", "4", ...cpu);
  expect([result, stderr]).toEqual([0, expect.stringContaining("1 of 3 shards are finished")]);
  expect(readFileSync(at("strict", "00001.npy")).equals(readFileSync(at("both", "00001.npy")))).toBe(true);
  const again = await embed(model, at("tars"), "-o", at("strict/"), "--max-skipped", "3", ...cpu);
  expect([again.result, again.stderr]).toEqual([1, expect.stringContaining("4 of 85 samples cannot be read")]);
});

test("another model, other data and other settings are refused by name", async () => {
  await writeNano(at("other"), 2);
  const other = await embed(at("other"), at("tars"), "-o", at("both"), "--what", "both", ...cpu);
  expect([other.result, other.stderr]).toEqual([
    1,
    expect.stringMatching(/the model was \S+model \(\w{12}\), is \S+other/),
  ]);
  expect(other.stderr).not.toMatch(/the data|--batch/);
  await writeTars(at("changed"), pictures.slice(1), 40);
  const data = await embed(model, at("changed"), "-o", at("both"), "--what", "both", ...cpu);
  expect(data.stderr).toMatch(/the data was webdataset \S+ of 85 samples \(\w+\), is webdataset \S+ of 84 samples/);
  expect(data.stderr).not.toContain("the model was");
  const settings = await embed(model, at("tars"), "-o", at("both"), "--batch", "8", "--exif", "--engine", "wasm");
  for (const line of ["--what was both, is image", "--batch was 32, is 8", "--exif was false", "--engine was cpu"]) {
    expect(settings.stderr).toContain(line);
  }
});

test("tables of paths, and tars without an index of theirs, of which the refusal names the remedy", async () => {
  const rows = pictures.slice(0, 6).map(({ key, caption }) => `images/${key}.jpg,${caption}`);
  writeFileSync(at("pairs.csv"), `filepath,title\n${rows.join("\n")}\n`);
  expect((await embed(model, at("pairs.csv"), "-o", at("table/"), ...cpu)).result).toBe(0);
  const first = npy(at("cpu.npy")).values.subarray(0, 6 * 8 * 4);
  expect(npy(at("table", "pairs/0.npy")).values.equals(first)).toBe(true);
  rmSync(at("changed", "00000.idx"), { force: true });
  for (const name of readdirSync(at("changed"))) if (!name.endsWith(".tar")) rmSync(at("changed", name));
  const uncounted = await embed(model, at("changed"), "-o", at("uncounted/"), ...cpu);
  expect(uncounted.stderr).toContain("clip-ts data index");
});

test("join names what is missing, and notices what is damaged", async () => {
  await embed(model, at("tars"), "-o", at("parts/"), "--part", "2/3", ...cpu);
  const missing = await embed("--join", at("parts"), "-o", at("parts.npy"));
  expect([missing.result, missing.stderr]).toEqual([
    1,
    expect.stringContaining("2 of 3 shards are missing: 00000, 00002"),
  ]);
  expect(existsSync(at("parts.npy"))).toBe(false);
  await embed(model, at("tars"), "-o", at("parts/"), ...cpu);
  writeFileSync(at("parts", "00001.keys.jsonl"), '"one"\n');
  const keys = await embed("--join", at("parts"), "-o", at("parts.npy"));
  expect(keys.stderr).toMatch(/00001\.keys\.jsonl is damaged, expected 38 lines/);
  writeFileSync(at("parts", "00001.npy"), readFileSync(at("parts", "00002.npy")));
  const damaged = await embed("--join", at("parts"), "-o", at("parts.npy"));
  expect(damaged.stderr).toMatch(/00001\.npy is damaged, expected \[38, 8\]/);
  const none = await embed("--join", at("tars"), "-o", at("none.npy"));
  expect(none.stderr).toMatch(/embedding\.json cannot be read/);
});

test("words and options that make no sense together are wrong usage", async () => {
  for (const [argv, said] of [
    [[model, at("tars", "00000.tar"), "-o", at("x.npy")], "give a folder"],
    [[model, at("images"), "-o", at("x.npy"), "--part", "1/2"], "--part is for shards"],
    [[model, at("images"), "-o", at("x/"), "--part", "3/2"], "expected I/N"],
    [[model, "-o", at("x/")], "takes shards"],
    [[model, at("images"), "-o", at("x.npy"), "--endpoint", "http://127.0.0.1:9"], "--endpoint is for shards"],
    [[model, at("images"), "-o", at("x.npy"), "--image", "png"], "--image is for shards"],
    [[model, at("pairs.csv"), "-o", at("x/"), "--separator", "ab"], "expected one character"],
    [["--join", at("both"), model, "-o", at("x.npy")], "needs neither a model nor images"],
    [["--join", at("both"), "-o", at("x.jsonl")], "ends in .npy"],
    [["-o", at("x.npy")], "needs more words"],
    [[model, at("images"), "-o", "-", "--shards"], "not to stdout"],
  ] as const) {
    const { result, stderr } = await embed(...argv, ...(argv[0] === "--join" ? [] : cpu));
    expect([result, stderr], argv.join(" ")).toEqual([2, expect.stringContaining(said)]);
  }
});

test("words whose kind cannot be told, or that are of several, are refused", async () => {
  for (const [word, said] of [
    [at("pairs.csv"), "name data of one kind"],
    ["https://127.0.0.1:9/folder/", "Say it: --kind"],
    [at("gone"), "does not exist"],
  ] as const) {
    const { result, stderr } = await embed(model, at("tars"), word, "-o", at("x/"), ...cpu);
    expect([result, stderr], word).toEqual([1, expect.stringContaining(said)]);
  }
});
