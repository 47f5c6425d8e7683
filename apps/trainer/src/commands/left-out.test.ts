import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { captureOutput, useEngine, writeLinkedFolders } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "@clip-ts/node";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-left-out-"));
const at = (...names: string[]): string => join(folder, ...names);
const model = at("model");
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));
const cpu = ["--engine", "cpu"];
let png: Uint8Array;

beforeAll(async () => {
  const config = preset("nano");
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(model, description, initClip(config, 3));
  const background = { r: 200, g: 30, b: 40 };
  png = await sharp({ create: { width: 9, height: 8, channels: 3, background } })
    .png()
    .toBuffer();
});
afterAll(async () => {
  await useEngine("cpu");
  rmSync(folder, { recursive: true });
});

/** A new folder that holds these files; an empty text stands for an image. */
function folderWith(name: string, contents: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(contents)) {
    mkdirSync(dirname(at(name, path)), { recursive: true });
    writeFileSync(at(name, path), text === "" ? png : text);
  }
  return at(name);
}

/** What a command says on stderr about what it left out. */
function leftOutIn(stderr: string): string[] {
  const lines = stderr.trimEnd().split("\n");
  const start = lines.findIndex((line) => line.startsWith("left out"));
  return start === -1 ? [] : lines.slice(start);
}

const trainOn = (name: string, data: object, rest: object = {}): string => {
  const config = {
    run: at(`${name}-run`),
    engine: "cpu",
    model: { preset: "nano" },
    steps: 2,
    tensorboard: false,
    ...rest,
    data,
  };
  writeFileSync(at(`${name}.yaml`), JSON.stringify(config));
  return at(`${name}.yaml`);
};

test("every command finds the classes and images that torchvision finds, behind links too", async () => {
  const { root, classes, samples } = writeLinkedFolders(at("linked"), png);
  const counted = [`left out: 1 .md file`];
  const json = at("linked.json");
  const measured = ["--zero-shot", root, "--templates", "simple", "--linear-probe", root];
  const evaluated = await run("evaluate", model, ...measured, "--json", json, ...cpu);
  expect(evaluated.result).toBe(0);
  const { zeroShot, probe } = JSON.parse(readFileSync(json, "utf8")) as {
    zeroShot: { images: number; perClass: { name: string; images: number }[]; leftOut: unknown };
    probe: { trainImages: number; testImages: number };
  };
  const perClass = classes.map((name, label) => ({
    name,
    images: samples.filter(([, of]) => of === label).length,
  }));
  expect(zeroShot.perClass.map(({ name, images }) => ({ name, images }))).toEqual(perClass);
  expect(zeroShot.images).toBe(samples.length);
  expect(zeroShot.leftOut).toMatchObject([{ kind: "ending .md", count: 1 }]);
  expect(probe.trainImages + probe.testImages).toBe(samples.length);
  expect(leftOutIn(evaluated.stderr)).toEqual([
    "left out of zero-shot: 1 .md file",
    "left out of the linear probe: 1 .md file",
  ]);

  const embedded = await run("embed", model, root, "-o", at("linked.npy"), ...cpu);
  expect(leftOutIn(embedded.stderr)).toEqual(counted);
  const rows = readFileSync(at("linked.txt"), "utf8").trimEnd().split("\n");
  const paths = samples.map(([path]) => join(root, path));
  expect(rows.toSorted()).toEqual(paths.toSorted());
  const preprocessed = await run("preprocess", model, root, "-o", at("linked.safetensors"));
  expect(preprocessed.stderr).toContain(`pixel_values [${samples.length}, 3, 8, 8]`);
  expect(leftOutIn(preprocessed.stderr)).toEqual(counted);

  const train = { kind: "folder", path: root, template: "a {}" };
  const trained = await run("train", trainOn("linked", { train, batchSize: samples.length }));
  expect(trained.result).toBe(0); // the batch would not be filled if one were missing
  expect(leftOutIn(trained.stderr)).toEqual(["left out of training: 1 .md file"]);
});

test("hidden files, loops, other endings and files beside the classes are counted", async () => {
  const classes = folderWith("counted", {
    "cat/1.png": "",
    "cat/._1.png": "resource fork",
    "cat/2.jfif": "",
    "dog/1.png": "",
    "dog/3.png": "",
    "dog/2.heic": "x",
    "dog/.cache/3.png": "",
    "labels.txt": "cat\ndog",
  });
  symlinkSync("..", at("counted", "dog", "up"));
  const argv = ["evaluate", model, "--zero-shot", classes, "--templates", "simple", ...cpu];
  const { result, stderr, stdout } = await run(...argv);
  expect([result, stdout.split("\n")[0]]).toEqual([0, `Zero-shot on ${classes}: 4 images, 2 classes, 7 templates`]);
  expect(leftOutIn(stderr)).toEqual([
    "left out of zero-shot: 1 link back to a folder above it, 1 file beside the class folders, " +
      "2 hidden files and folders, 1 .heic file",
    `  ${join(classes, "dog/up")}`,
    `  ${join(classes, "labels.txt")}`,
    `  ${join(classes, "cat/._1.png")}, ${join(classes, "dog/.cache")}`,
  ]);
});

test("lines ends may be mixed, and quotes may be text", async () => {
  folderWith("tables", {
    "a.png": "",
    "b.png": "",
    "pairs.csv": "filepath,title\r\na.png,one\nb.png,two\n",
    "pairs.tsv": "filepath\ttitle\r\na.png\tone\nb.png\ttwo\n",
    "quoted.csv": 'filepath,title\r\na.png,"one"\nb.png,"two"\n',
    "said.tsv": 'filepath\ttitle\na.png\t"Hello" said the man\nb.png\tan 5" screen\n',
    "open.tsv": 'filepath\ttitle\na.png\t"Hello said the man\nb.png\ttwo\n',
    "semi.csv": "filepath;title\na.png;one\nb.png;two, three\n",
  });
  const evaluate = (name: string, ...argv: string[]) =>
    run("evaluate", model, "--retrieval", at("tables", name), ...argv, ...cpu);
  for (const argv of [
    ["pairs.csv"],
    ["pairs.tsv"],
    ["quoted.csv"],
    ["said.tsv"],
    ["said.tsv", "--quoting", "none"],
    ["open.tsv", "--quoting", "none"],
    ["semi.csv", "--separator", ";"],
  ]) {
    const [name = "", ...options] = argv;
    const { stdout, stderr } = await evaluate(name, ...options);
    expect(stdout, `${argv.join(" ")} ${stderr}`).toContain("2 images, 2 texts");
  }
  const open = await evaluate("open.tsv");
  expect(open.stderr).toContain('set quoting to "none"');
  const semi = await evaluate("semi.csv");
  expect(semi.stderr).toContain('looks separated by ";": set separator to ";"');
  const wrong = await evaluate("semi.csv", "--quoting", "some");
  expect([wrong.result, wrong.stderr]).toEqual([2, expect.stringContaining("standard or none")]);
  const noTable = await run("evaluate", model, "--retrieval", folder, "--separator", ";", ...cpu);
  expect([noTable.result, noTable.stderr]).toEqual([2, expect.stringContaining("are for tables")]);
});

test("an empty caption among others is left out and counted, in folders, tables and training", async () => {
  const pairs = folderWith("empty", {
    "00000/0.png": "",
    "00000/0.txt": "one",
    "00000/1.png": "",
    "00000/1.txt": "\n",
    "00000/2.png": "",
    "00000/2.txt": "three",
    "00000/2.json": "{}",
    "pairs.csv": "filepath,title\n00000/0.png,one\n00000/1.png,\n00000/2.png,three\n",
  });
  const table = join(pairs, "pairs.csv");
  const inFolder = await run("evaluate", model, "--retrieval", pairs, ...cpu);
  expect(inFolder.stdout).toContain("2 images, 2 texts");
  expect(leftOutIn(inFolder.stderr)).toEqual([
    "left out of retrieval: 1 caption that is empty, 1 .csv file, 1 .json file",
    `  ${join(pairs, "00000/1.txt")} is empty; expected one caption a line`,
  ]);
  const inTable = await run("evaluate", model, "--retrieval", table, ...cpu);
  expect(inTable.stdout).toContain("2 images, 2 texts");
  expect(leftOutIn(inTable.stderr)).toEqual([
    "left out of retrieval: 1 caption that is empty",
    `  ${table}, line 3: expected text in "title", found ""`,
  ]);
  const train = { kind: "csv", path: table };
  const evaluate = { every: 2, retrieval: { data: { kind: "folder", path: pairs } } };
  const trained = await run("train", trainOn("empty", { train, batchSize: 2 }, { evaluate }));
  expect(trained.result).toBe(0);
  expect(leftOutIn(trained.stderr)).toEqual([
    "left out of training: 1 caption that is empty",
    `  ${table}, line 3: expected text in "title", found ""`,
    "left out of retrieval: 1 caption that is empty, 1 .csv file, 1 .json file",
    `  ${join(pairs, "00000/1.txt")} is empty; expected one caption a line`,
  ]);
  const none = await run("train", trainOn("none", { train, batchSize: 2, maxSkipped: 0 }));
  expect([none.result, none.stderr]).toEqual([1, expect.stringContaining("no more than 0 may")]);
  const strict = ["evaluate", model, "--retrieval", table, "--max-skipped", "0%", ...cpu];
  expect((await run(...strict)).stderr).toContain("1 of 3 rows cannot be used, and no more than 0");
  const odd = await run(...strict.with(5, "some"));
  expect([odd.result, odd.stderr]).toEqual([2, expect.stringContaining("a share such as 5%")]);
});

test("one unreadable image too many is a refusal, by every command", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 24 }, (_, index) => [
      [`${index % 2}/${index}.png`, index < 11 ? "no image" : ""],
      [`${index % 2}/${index}.txt`, `caption ${index}`],
    ]).flat(),
  );
  const images = folderWith("broken", files);
  const argvs = [
    ["embed", model, images, "-o", at("broken.npy"), ...cpu],
    ["evaluate", model, "--retrieval", images, ...cpu],
    ["evaluate", model, "--zero-shot", images, "--templates", "simple", ...cpu],
    ["evaluate", model, "--linear-probe", images, ...cpu],
  ];
  for (const argv of argvs) {
    const refused = await run(...argv);
    expect(refused.result).toBe(1);
    expect(refused.stderr).toMatch(/11 of 24 images cannot be read, and no more than 10 may be left out/);
    expect(refused.stderr.match(/\n {2}\S/g)).toHaveLength(5);
    const allowed = await run(...argv, "--max-skipped", "11");
    expect(allowed.result).toBe(0);
    expect(leftOutIn(allowed.stderr)).toHaveLength(12); // a line that counts, ten, "and 1 more"
    expect(leftOutIn(allowed.stderr).at(-1)).toBe("  and 1 more");
  }
  const data = { train: { kind: "folder", path: images }, batchSize: 12 };
  const refused = await run("train", trainOn("refused", data));
  expect(refused.stderr).toMatch(/11 of 24 images cannot be read, and no more than 10/);
  const allowed = await run("train", trainOn("allowed", { ...data, maxSkipped: "50%" }));
  expect(allowed.result).toBe(0);
  expect(leftOutIn(allowed.stderr)[0]).toBe("left out of training: 11 images that cannot be read");
});

test("blank lines of --texts are captions, as tokenize has them; those of a list are counted", async () => {
  writeFileSync(at("captions.txt"), "first\n\nthird\n");
  const texts = ["embed", model, "--texts", at("captions.txt"), "-o", at("texts.jsonl"), ...cpu];
  expect((await run(...texts)).stderr).toContain("wrote [3, 8]");
  const rows = readFileSync(at("texts.jsonl"), "utf8").trimEnd().split("\n");
  const inputs = rows.map((line) => (JSON.parse(line) as { input: string }).input);
  expect(inputs).toEqual(["first", "", "third"]);
  writeFileSync(at("labels.txt"), "cat\n\ndog\n\n");
  writeFileSync(at("one.png"), png);
  const classify = ["classify", model, at("one.png"), "--labels", at("labels.txt"), ...cpu];
  const { stdout, stderr } = await run(...classify);
  expect(stdout.trimEnd().split("\n")).toHaveLength(2);
  expect(stderr).toContain("labels.txt: 2 blank lines");
});
