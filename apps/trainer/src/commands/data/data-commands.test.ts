import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeFileWhole } from "@clip-ts/files";
import { syntheticSource } from "@clip-ts/data";
import { openShardSet, localStore } from "@clip-ts/node";
import { captureOutput } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { SourceKind } from "../../cli/extension.ts";
import { runCommandLine } from "../../cli/main.ts";
import { commandsWith } from "../index.ts";

/** Tars that Python's tarfile wrote, a Parquet file that pyarrow wrote, MDS. */
const fixtures = fileURLToPath(new URL("../../../../../packages/data/src/fixtures/shards/", import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), "clip-ts-data-"));
afterAll(() => rm(scratch, { recursive: true, force: true }));

const drawn: SourceKind = {
  kind: "drawn",
  example: "drawn:NUMBER",
  load: async () => ({
    schema: z.strictObject({ kind: z.literal("drawn"), count: z.int() }),
    open: async (settings) => syntheticSource({ count: (settings as { count?: number }).count ?? 0, seed: 1 }),
    named: (words) => ({ kind: "drawn", count: Number(words) }),
  }),
};
const all = commandsWith({ sources: [drawn] });
const cache = join(scratch, "cache");
const data = (...argv: string[]) => captureOutput(() => runCommandLine(all, ["data", ...argv]));
const read = async (path: string): Promise<Record<string, never>> => JSON.parse(await readFile(path, "utf8"));
const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

const tars = join(scratch, "tars");
beforeAll(async () => {
  await mkdir(tars);
  for (const name of ["00000.tar", "00000_stats.json", "odd.tar"]) await cp(join(fixtures, name), join(tars, name));
});

test("data alone and data --help list the commands; help goes down to each", async () => {
  const { result, stdout } = await data("--help");
  expect(result).toBe(0);
  for (const name of ["index", "stats", "check", "prepare"]) expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
  expect(await data()).toEqual({ result: 2, stdout, stderr: "" });
  expect((await captureOutput(() => runCommandLine(all, ["help", "data"]))).stdout).toBe(stdout);
  const help = await data("stats", "--help");
  expect(help.stdout).toMatch(/Usage: clip-ts data stats PATH\.\.\.[^]*drawn:NUMBER[^]*--html FILE/);
  expect((await captureOutput(() => runCommandLine(all, ["help", "data", "stats"]))).stdout).toBe(help.stdout);
});

test.each([
  [["indx", "."], /no command "data indx"\. Did you mean "index"\? See clip-ts data --help/],
  [["index"], /data index needs more words/],
  [["prepare", "x"], /data prepare needs --output OUT/],
  [["prepare", "x", "-o", "y", "--part", "3/2"], /--part 3\/2: expected I\/N/],
  [["prepare", "x", "-o", "y", "--bytes", "much"], /--bytes much: expected a number of bytes/],
  [["stats", "x", "--kind", "tar"], /--kind tar: expected webdataset, /],
  [["stats", "x", "--separator", "ab"], /expected one character/],
])("wrong usage exits 2: %j", async (argv, message) => {
  const { result, stderr } = await data(...argv);
  expect(result).toBe(2);
  expect(stderr).toMatch(message);
});

test("index writes what is not there yet, says what is left out, and can be forced", async () => {
  const first = await data("index", tars, "--cache", cache, "--json", join(scratch, "index.json"));
  expect(first.result).toBe(0);
  expect(first.stdout).toMatch(/shards +2\n +indexed now +2\n +right already +0\n/);
  expect(first.stderr).toMatch(/left out: .*2 entries whose names lead out of their folder/);
  expect((await readdir(tars)).filter((name) => name.endsWith(".idx"))).toEqual(["00000.idx", "odd.idx"]);
  const { shards } = (await read(join(scratch, "index.json"))) as unknown as { shards: { samples: number }[] };
  expect(shards.map(({ samples }) => samples)).toEqual([12, 7]);
  expect((await data("index", tars)).stdout).toMatch(/indexed now +0\n +right already +2\n/);
  expect((await data("index", join(tars, "{00000,odd}.tar"), "--force")).stdout).toMatch(/indexed now +2\n/);
  const none = await data("index", join(fixtures, "snappy.parquet"));
  expect([none.result, none.stdout]).toEqual([0, expect.stringMatching(/parquet needs no index/)]);
});

test("index goes on after a shard that is none, and exits 1", async () => {
  const folder = join(scratch, "damaged");
  await cp(tars, folder, { recursive: true });
  await writeFile(join(folder, "noise.tar"), Buffer.alloc(2048, "noise"));
  const { result, stdout, stderr } = await data("index", folder);
  expect(result).toBe(1);
  expect(stdout).toMatch(/not to be read +1\n/);
  expect(stderr).toContain("noise.tar");
  const checked = await data("check", folder);
  expect(checked.result).toBe(1);
  expect(checked.stdout).toMatch(/checked +19 [^]*noise\.tar/);
});

test("stats measure tars, Parquet, MDS, tables, folders and added sources in 80 columns", async () => {
  const json = join(scratch, "stats.json");
  const { result, stdout } = await data("stats", tars, "--json", json);
  expect(result).toBe(0);
  expect(widest(stdout)).toBeLessThanOrEqual(80);
  expect(stdout).toMatch(/samples +19\n/);
  expect(await read(json)).toMatchObject({
    kind: "webdataset",
    samples: 19,
    measured: 19,
    contextLength: 77,
    cutCaptions: 0,
  });
  const folder = join(scratch, "folder");
  await mkdir(folder);
  await cp(join(fixtures, "a.jpg"), join(folder, "a.jpg"));
  await writeFile(join(folder, "a.txt"), "собака на снегу");
  await writeFile(join(folder, "list.tsv"), "image\ttitle\na.jpg\tein Hund im Schnee\n");
  for (const [path, kind, unreadable] of [
    [join(fixtures, "snappy.parquet"), "parquet", 1], // a row has no image
    [join(fixtures, "mds"), "mds", 0],
    [folder, "folder", 0],
    [join(folder, "list.tsv"), "tsv", 0],
    ["drawn:5", "drawn", 0],
  ] as const) {
    const found = await data("stats", path, "--json", json, "--cache", cache);
    expect([path, found.result]).toEqual([path, 0]);
    expect(await read(json)).toMatchObject({ kind, unreadable });
  }
  await data("stats", folder, "--json", json);
  expect(await read(json)).toMatchObject({ scripts: { Cyrillic: 1 }, languages: { ru: 1 } });
});

test("--limit draws evenly and says so; --html is one page that needs no other file", async () => {
  const page = join(scratch, "page.html");
  const { result, stderr, stdout } = await data("stats", "drawn:40", "--limit", "10", "--html", page);
  expect(result).toBe(0);
  expect(stderr).toMatch(/measures 10 of 40 samples, drawn evenly/);
  expect(stdout).toMatch(/measured +10\n/);
  const html = await readFile(page, "utf8");
  expect(html.match(/<img src="data:image\/webp;base64,/gu)).toHaveLength(24);
  expect(html.match(/<svg /gu)).toHaveLength(6);
  expect(html).not.toMatch(/(?:src|href)="(?!data:)/);
});

test("check exits 0 for sound data, 1 for broken, and lists keys that prepare leaves out", async () => {
  const sound = await data("check", "drawn:30");
  expect([sound.result, sound.stderr]).toEqual([0, ""]);
  const folder = join(scratch, "photos");
  await mkdir(folder);
  const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
  const create = { width: 64, height: 48, channels: 3, background: "#fff", noise } as const;
  for (const name of ["one", "two", "three"])
    await sharp({ create })
      .png()
      .toFile(join(folder, `${name}.png`));
  await cp(join(folder, "one.png"), join(folder, "one copy.png"));
  await writeFile(join(folder, "broken.jpg"), "no image");
  const list = join(scratch, "list.txt");
  const { result, stdout } = await data("check", folder, "--list", list, "--json", join(scratch, "check.json"));
  expect(result).toBe(1);
  expect(widest(stdout)).toBeLessThanOrEqual(80);
  expect((await readFile(list, "utf8")).split("\n")).toEqual([
    "photos/broken.jpg\tbroken",
    "photos/one.png\tequal",
    "",
  ]);
  expect(await read(join(scratch, "check.json"))).toMatchObject({
    samples: 5,
    broken: 1,
    equalImages: 1,
    nearImages: 0,
  });
  const out = join(scratch, "prepared");
  const made = await data("prepare", folder, "-o", out, "--skip-list", list, "--size", "24");
  expect(made.result).toBe(0);
  expect(made.stdout).toMatch(/samples written +3\n[^]*of 2 on the list +2$/m);
  const again = await data("prepare", folder, "-o", out, "--skip-list", list, "--size", "24");
  expect(again.stdout).toMatch(/there already +1\n/);
  const set = await openShardSet({ kind: "webdataset", path: out, store: localStore });
  expect(set.groups[0]!.shards.map(({ samples }) => samples)).toEqual([3]);
});

test("check finds shards whose counts differ from the files beside them", async () => {
  const folder = join(scratch, "miscounted");
  await mkdir(folder);
  await cp(join(fixtures, "00000.tar"), join(folder, "00000.tar"));
  await writeFileWhole(join(folder, "00000_stats.json"), JSON.stringify({ successes: 11 }));
  const { result, stdout } = await data("check", folder);
  expect(result).toBe(1);
  expect(stdout).toMatch(/00000\.tar has 12 samples, the counts beside it say 11/);
});

test("data at http:// is indexed into the cache, measured and prepared", async () => {
  const server = createServer(async (request, response) => {
    const name = (request.url ?? "").slice(1);
    const body = await readFile(join(fixtures, name)).catch(() => undefined);
    const headers = { "content-length": String(body?.length ?? 0), etag: '"1"' };
    response.writeHead(body === undefined ? 404 : 200, headers);
    response.end(request.method === "HEAD" ? undefined : body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}/{00000,odd}.tar`;
    const uncounted = await data("stats", place, "--cache", cache);
    expect(uncounted.result).toBe(1);
    expect(uncounted.stderr).toMatch(/Count them once: clip-ts data index http/);
    expect((await data("index", place, "--cache", cache)).stdout).toMatch(/indexed now +2\n/);
    expect((await data("stats", place, "--cache", cache)).stdout).toMatch(/samples +19\n/);
    const out = join(scratch, "fetched");
    expect((await data("prepare", place, "--cache", cache, "-o", out)).stdout).toMatch(/samples written +18\n/);
  } finally {
    server.close();
  }
});

test.each([
  [["stats", join(scratch, "nowhere")], /nowhere does not exist/],
  [["stats", join(scratch, "*.data")], /cannot be told: no ending is known\. Say it: --kind webdataset\|/],
  [
    ["check", join(fixtures, "00000.tar"), join(fixtures, "snappy.parquet")],
    /is webdataset, .* is parquet: name data of one/,
  ],
  [["stats", "http://127.0.0.1:9/folder"], /cannot be told: .*Say it: --kind/s],
])("what cannot be opened is an error that says what to do: %j", async (argv, message) => {
  const { result, stderr } = await data(...argv);
  expect(result).toBe(1);
  expect(stderr).toMatch(message);
});
