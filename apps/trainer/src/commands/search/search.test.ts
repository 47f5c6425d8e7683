import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scoresOf } from "@clip-ts/core";
import { retrieval } from "@clip-ts/evaluation";
import { openClip } from "@clip-ts/node";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { makePictures, writeNano, writePictures, writeTars } from "../embed/fixtures/picture-shards.ts";
import { commands } from "../index.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-search-"));
const at = (...names: string[]): string => join(folder, ...names);
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));
const engine = ["--engine", "cpu"];
const search = (...argv: string[]) => run("search", ...argv, "-i", at("index"), ...engine);

/** What `--json -` prints. */
async function found(...argv: string[]): Promise<{ result: number; json: Found }> {
  const { result, stdout } = await search(...argv, "--json", "-");
  return { result, json: JSON.parse(stdout) as Found };
}

interface Found {
  readonly cutoff: number | null;
  readonly falsePositiveRate: number | null;
  readonly notJudged: string | null;
  readonly fits: boolean;
  readonly engine: { readonly name: string } | null;
  readonly nearest?: Found["hits"];
  readonly query: { readonly terms: readonly { readonly kind: string; readonly value: string }[] };
  readonly hits: readonly {
    readonly id: string;
    readonly similarity: number;
    readonly fields: Record<string, unknown>;
  }[];
}

/** Pictures by path, each of one colour and of a day of its own. */
const pictures: readonly (readonly [path: string, color: string, day: string])[] = [
  ["2023/beach/a.png", "#e33", "2023-06-01"],
  ["2023/beach/b & <i>.png", "#3e3", "2023-06-02"],
  ["2024/city/c.png", "#33e", "2024-01-01"],
  ["2024/city/d.png", "#ee3", "2024-12-31"],
  ["2024/e.png", "#3ee", "2025-01-01"],
];

beforeAll(async () => {
  await useEngine("cpu");
  await writeNano(at("model"), 1);
  for (const [path, background, day] of pictures) {
    const file = at("pictures", ...path.split("/"));
    mkdirSync(join(file, ".."), { recursive: true });
    await sharp({ create: { width: 24, height: 16, channels: 3, background } }).toFile(file);
    const date = new Date(`${day}T00:00:00Z`);
    utimesSync(file, date, date);
  }
  const { result, stderr } = await run(
    "index",
    at("model"),
    at("pictures"),
    "-o",
    at("index"),
    "--store",
    "flat",
    ...engine,
  );
  expect([result, stderr]).toEqual([0, expect.anything()]);
});
afterAll(async () => {
  await useEngine("cpu");
  rmSync(folder, { recursive: true });
});

test("words find every picture in the order of cosines, as a table that fits a terminal", async () => {
  const { result, stdout } = await search("a", "dog", "--all");
  expect(result).toBe(0);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .filter((line) => /^\d {2}/u.test(line));
  expect(lines).toHaveLength(5);
  const cosines = lines.map((line) => Number(/-?\d\.\d{4}/u.exec(line)?.[0]));
  expect(cosines).toEqual(cosines.toSorted((a, b) => b - a));
  for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  expect(stdout).toMatch(/ 2024-12-31 {2}city$/mu);
});

test("hits are those of --all from the cut-off on, and where there is none, nothing fits", async () => {
  const words = ["red", "dog", "sea", "moon", "tree", "two", "of", "the", "sun", "ice", "fire", "rain", "qq", "x"];
  const queries = words.flatMap((word, at) => [
    word,
    `${word} ${word}`,
    `${word} of ${words[(at + 3) % words.length]}`,
  ]);
  writeFileSync(at("fitting.txt"), queries.join("\n"));
  const answers = async (...argv: string[]): Promise<Found[]> => {
    const given = ["--queries", at("fitting.txt"), "--false-positives", "10%", ...argv];
    const { stdout } = await search(...given);
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Found);
  };
  const [fitting, all] = [await answers(), await answers("--all")];
  for (const [nth, { fits, cutoff, falsePositiveRate, hits }] of fitting.entries()) {
    const nearest = all[nth]?.hits ?? [];
    expect([falsePositiveRate, nearest.length, all[nth]?.cutoff]).toEqual([0.1, 5, cutoff]);
    expect(hits).toEqual(nearest.filter(({ similarity }) => similarity >= (cutoff ?? Number.NaN)));
    expect([fits, all[nth]?.fits]).toEqual([hits.length > 0, hits.length > 0]);
    expect(fitting[nth]?.nearest).toEqual(fits ? undefined : nearest.slice(0, 3));
    expect(all[nth]).not.toHaveProperty("nearest");
  }
  const oneOf = (fits: boolean): [string, number] => {
    const at = fitting.findIndex((answer) => answer.fits === fits);
    return [queries[at] ?? "none is so", (fitting[at]?.nearest ?? fitting[at]?.hits)?.length ?? Number.NaN];
  };
  for (const [[query, rows], fits] of [[oneOf(true), true] as const, [oneOf(false), false] as const]) {
    const { result, stdout } = await search(query, "--false-positives", "10%");
    const isRefused = stdout.startsWith(`Nothing fits "${query}" among 5 pictures.`);
    expect([result, isRefused, stdout.includes("about 10 % find")]).toEqual([0, !fits, !fits]);
    expect(stdout.match(/^\d {2}/gmu)).toHaveLength(rows);
  }
});

test("a lower rate has a higher cut-off", async () => {
  const at = async (rate: string) => (await found("a dog", "--false-positives", rate)).json;
  const [low, high] = [await at("1%"), await at("10%")];
  expect([low.falsePositiveRate, high.falsePositiveRate]).toEqual([0.01, 0.1]);
  expect(low.cutoff).toBeGreaterThan(high.cutoff ?? Number.NaN);
});

test("a picture finds itself first; one that the index holds takes no model", async () => {
  const path = at("pictures", "2024/city/c.png");
  const { result, json } = await found(path, "--all");
  expect(result).toBe(0);
  expect([json.engine, json.cutoff, json.notJudged]).toEqual([null, null, "picture"]);
  expect(json.hits[0]).toMatchObject({ id: path, fields: { folder: "2024/city/", label: "city" } });
  expect(json.hits[0]?.similarity).toBeCloseTo(1, 5);
  expect(json.hits).toHaveLength(5);
  writeFileSync(at("copy.png"), readFileSync(path));
  const copy = await found(at("copy.png"), "--all");
  expect(copy.json.engine?.name).toBe("cpu");
  expect(copy.json.hits[0]?.id).toBe(path);
  expect(copy.json.hits[0]?.similarity).toBeCloseTo(1, 5);
});

test("a picture that changed since it was indexed is embedded anew", async () => {
  const path = at("pictures", "2024/e.png");
  const before = readFileSync(path);
  writeFileSync(path, readFileSync(at("pictures", "2023/beach/a.png")));
  try {
    const { json } = await found(path, "--all");
    expect(json.engine?.name).toBe("cpu");
    expect(json.hits[0]?.id).toBe(at("pictures", "2023/beach/a.png"));
  } finally {
    writeFileSync(path, before);
    const date = new Date("2025-01-01T00:00:00Z");
    utimesSync(path, date, date);
  }
});

test.each([
  [
    ["--folder", "2024"],
    ["2024/city/c.png", "2024/city/d.png", "2024/e.png"],
  ],
  [
    ["--folder", "2024/city/"],
    ["2024/city/c.png", "2024/city/d.png"],
  ],
  [
    ["--folder", "FOLDER/pictures/2023"],
    ["2023/beach/a.png", "2023/beach/b & <i>.png"],
  ],
  [["--folder", "FOLDER/pictures"], pictures.map(([path]) => path)],
  [
    ["--after", "2024", "--before", "2025"],
    ["2024/city/c.png", "2024/city/d.png"],
  ],
  [
    ["--after", "2024-12-31"],
    ["2024/city/d.png", "2024/e.png"],
  ],
  [
    ["--label", "beach", "--label", "nothing"],
    ["2023/beach/a.png", "2023/beach/b & <i>.png"],
  ],
  [["--folder", "2024", "--label", "city", "--before", "2024-02"], ["2024/city/c.png"]],
])("filters leave what meets them all: %j", async (filters, expected) => {
  const { json } = await found("dog", "--all", ...filters.map((word) => word.replace("FOLDER", folder)));
  const left = json.hits.map(({ id }) => id.slice(at("pictures").length + 1).replaceAll("\\", "/"));
  expect(left.toSorted()).toEqual([...expected].toSorted());
});

test("filters that leave nothing are said; a folder without pictures is an error", async () => {
  const none = await search("dog", "--before", "2020");
  expect([none.result, none.stdout]).toEqual([0, "None of the 5 pictures meets the filters.\n"]);
  expect((await found("dog", "--before", "2020")).json).toMatchObject({ fits: false, hits: [] });
  const wrong = await search("dog", "--folder", "2022");
  expect([wrong.result, wrong.stderr]).toEqual([
    1,
    expect.stringContaining("--folder 2022: the index has no picture there"),
  ]);
});

test("each line of --queries has one line of JSON, and one without an answer says why", async () => {
  writeFileSync(at("queries.txt"), `dog\n@${at("none.png")}\n${at("pictures", "2024/e.png")}\n`);
  const { result, stdout, stderr } = await search("--queries", at("queries.txt"), "--all", "-n", "1");
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Found & { readonly error?: string });
  expect([result, lines.length]).toEqual([1, 3]);
  expect(lines[0]?.hits).toHaveLength(1);
  expect(lines[1]?.error).toContain("none.png");
  expect(lines[2]?.hits[0]?.id).toBe(at("pictures", "2024/e.png"));
  expect(stderr).toContain("1 of 3 lines could not be answered");
  const one = await found("dog", "--all", "-n", "1");
  expect(one.json.hits).toEqual(lines[0]?.hits);
});

test("the page shows every hit, escapes names, allows no script and needs no other file", async () => {
  const { result } = await search("<script>", "--all", "--html", at("page.html"));
  expect(result).toBe(0);
  const html = readFileSync(at("page.html"), "utf8");
  expect(html.match(/<img src="data:image\/webp;base64,/gu)).toHaveLength(5);
  expect(html).toContain("<title>&lt;script&gt;</title>");
  expect(html).toContain("b &amp; &lt;i&gt;.png");
  expect(html).toContain("default-src 'none'; img-src data:; style-src 'unsafe-inline'");
  expect(html).not.toMatch(/<script|<i>|src="(?!data:)/u);
});

test("duplicates are listed in groups, with sizes", async () => {
  writeFileSync(at("pictures", "2024/a copy.png"), readFileSync(at("pictures", "2023/beach/a.png")));
  await run("index", at("model"), at("pictures"), "-o", at("doubled"), "--store", "flat", ...engine);
  rmSync(at("pictures", "2024/a copy.png"));
  const words = ["--duplicates", "0.99999", "-i", at("doubled")];
  const { result, stdout } = await run("search", ...words, "--html", at("doubled.html"));
  expect(result).toBe(0);
  expect(stdout).toMatch(/^ +1 +1\.0000 +2023.beach.a\.png +24×16 +\d+ B +2023-06-01$/mu);
  expect(stdout).toMatch(/^ +2024.a copy\.png +24×16 +\d+ B/mu);
  const { stdout: json } = await run("search", ...words, "--json", "-");
  const ids = [at("pictures", "2023/beach/a.png"), at("pictures", "2024/a copy.png")];
  expect(JSON.parse(json)).toMatchObject({ total: 1, groups: [{ pictures: ids.map((id) => ({ id })) }] });
  expect(readFileSync(at("doubled.html"), "utf8")).toContain("24×16 · ");
  const none = await run("search", "--duplicates", "-i", at("index"));
  expect([none.result, none.stdout]).toEqual([0, expect.stringMatching(/^No two are alike among 5 pictures/u)]);
});

test("samples of tars are found by SHARD#KEY and shown", async () => {
  await writeTars(at("tars"), await makePictures(5), 3);
  const made = await run("index", at("model"), at("tars"), "-o", at("of-tars"), "--store", "flat", ...engine);
  expect(made.result).toBe(0);
  const words = ["-i", at("of-tars"), ...engine, "--all"];
  const { stdout } = await run("search", "dog", ...words, "--html", at("tars.html"), "--json", "-");
  const { hits } = JSON.parse(stdout) as Found;
  expect(hits.map(({ id }) => id).toSorted()[4]).toBe(`${at("tars", "00001.tar")}#00004`);
  expect(readFileSync(at("tars.html"), "utf8").match(/<img src="data:image/gu)).toHaveLength(5);
  const like = await run("search", `@${at("tars", "00001.tar")}#00004`, ...words, "--json", "-");
  expect((JSON.parse(like.stdout) as Found).hits[0]?.id).toBe(`${at("tars", "00001.tar")}#00004`);
});

test("another model is refused by name, and a model that was moved is asked for", async () => {
  await writeNano(at("other"), 2);
  const other = await search("dog", "--model", at("other"));
  expect([other.result, other.stderr]).toEqual([
    1,
    expect.stringMatching(/made by the model model .*, not by .*other/u),
  ]);
  const record = JSON.parse(readFileSync(at("index", "index.json"), "utf8")) as { model: { place: string } };
  const moved = { ...record, model: { ...record.model, place: at("gone") } };
  writeFileSync(at("index", "index.json"), JSON.stringify(moved));
  try {
    const gone = await search("dog");
    expect([gone.result, gone.stderr]).toEqual([
      1,
      expect.stringMatching(/no model in .*gone.*say where it lies now by --model/su),
    ]);
    expect((await search("dog", "--model", at("model"))).result).toBe(0);
  } finally {
    writeFileSync(at("index", "index.json"), JSON.stringify(record));
  }
});

test("a folder without an index says how to make one", async () => {
  const { result, stderr } = await run("search", "dog", "-i", at("nowhere"));
  expect([result, stderr]).toEqual([1, expect.stringContaining("clip-ts index MODEL PICTURES -o")]);
});

test("the order is that of the evaluation's retrieval", async () => {
  const samples = await makePictures(40);
  writePictures(at("drawings"), samples);
  await run("index", at("model"), at("drawings"), "-o", at("of-drawings"), "--store", "flat", "--no-exif", ...engine);
  writeFileSync(at("captions.txt"), samples.map(({ caption }) => `"${caption}"\n`).join(""));
  const words = ["--queries", at("captions.txt"), "-i", at("of-drawings"), "--all", "-n", "40", ...engine];
  const { result, stdout } = await run("search", ...words);
  const found = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Found);
  expect([result, found.length]).toEqual([0, 40]);

  const clip = await openClip(at("model"), { engine: "cpu" });
  const pairs = samples.map(({ key, bytes, caption }) => ({ name: key, captions: [caption], load: async () => bytes }));
  const { images, texts } = await retrieval(clip, pairs);
  clip.dispose();
  for (const [caption, { hits }] of found.entries()) {
    const scores = scoresOf(texts, caption, images);
    const order = Array.from(scores.keys()).toSorted((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
    for (const [place, { id, similarity }] of hits.entries()) {
      const row = samples.findIndex(({ key }) => id === at("drawings", `${key}.jpg`));
      expect(similarity).toBeCloseTo(scores[row] ?? Number.NaN, 5);
      expect(scores[row]).toBeCloseTo(scores[order[place] ?? -1] ?? Number.NaN, 6); // equal ones may change places
    }
    expect(new Set(hits.map(({ id }) => id)).size).toBe(40);
  }
});
