import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openPictureIndex } from "@clip-ts/picture-index";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { makePictures, writeNano, writePictures, writeTars } from "../embed/fixtures/picture-shards.ts";
import { commands } from "../index.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-readings-"));
const at = (...names: string[]): string => join(folder, ...names);
const index = (name: string, ...argv: string[]) =>
  captureOutput(() =>
    runCommandLine(commands, ["index", at("model"), ...argv, "-o", at(name), "--store", "flat", "--engine", "cpu"]),
  );

beforeAll(async () => {
  await writeNano(at("model"), 1);
  writePictures(at("photos"), await makePictures(6));
});
afterAll(async () => {
  await useEngine("cpu");
  rmSync(folder, { recursive: true });
});

test("a table is read by updates as it was read first; another reading is refused", async () => {
  const rows = Array.from({ length: 6 }, (_, number) => `photos/0000${number}.jpg;kind ${number % 2}`);
  writeFileSync(at("table.csv"), ["shot;label", ...rows.slice(0, 5)].join("\n"));
  const reading = ["--image", "shot", "--separator", ";"];
  const made = await index("tables", at("table.csv"), ...reading);
  expect([made.result, made.stdout]).toEqual([0, expect.stringMatching(/added +5\n/)]);
  const opened = await openPictureIndex(at("tables"));
  expect(opened.record.readings).toEqual({ [at("table.csv")]: { kind: "csv", image: ["shot"], separator: ";" } });
  for await (const some of opened.vectors.scan()) {
    for (const { id, fields } of some)
      expect([id, fields["label"]]).toEqual([expect.any(String), expect.stringMatching(/^kind [01]$/)]);
  }
  await opened.close();

  writeFileSync(at("table.csv"), ["shot;label", ...rows].join("\n"));
  const again = await index("tables");
  expect([again.result, again.stdout]).toEqual([0, expect.stringMatching(/added +1\n[^]*unchanged +5\n/)]);
  const refused = await index("tables", at("table.csv"), "--separator", ",");
  expect([refused.result, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/table\.csv is in the index read with separator ";", not ",".*--forget/),
  ]);
});

test("pictures of a Parquet file are indexed, found and shown on a page, and so are those of a table", async () => {
  const parquet = fileURLToPath(
    new URL("../../../../../packages/data/src/fixtures/shards/snappy.parquet", import.meta.url),
  );
  const made = await index("parquet", parquet);
  expect([made.result, made.stdout]).toEqual([0, expect.stringMatching(/added +9\n/)]);
  for (const [name, count, path] of [
    ["parquet", 9, parquet],
    ["tables", 6, at("table.csv")],
  ] as const) {
    const page = at(`${name}.html`);
    const words = ["a dog", "-i", at(name), "--all", "--engine", "cpu", "--json", "-", "--html", page];
    const { stdout, result } = await captureOutput(() => runCommandLine(commands, ["search", ...words]));
    const { hits } = JSON.parse(stdout) as { readonly hits: readonly { readonly id: string }[] };
    expect([result, hits.length]).toEqual([0, count]);
    expect(hits.filter(({ id }) => !id.startsWith(`${path}#`))).toEqual([]);
    expect(readFileSync(page, "utf8").match(/<img src="data:image/gu)).toHaveLength(count);
  }
});

test("a folder stays a folder of pictures when shards come to lie in it", async () => {
  mkdirSync(at("mixed"));
  writePictures(at("mixed"), await makePictures(3));
  expect((await index("folders", at("mixed"))).stdout).toMatch(/added +3\n/);
  await writeTars(at("mixed"), await makePictures(4), 4);
  for (const name of ["00000.jpg", "00001.jpg", "00002.jpg"]) rmSync(at("mixed", name.replace("jpg", "txt")));
  expect((await index("folders")).stdout).toMatch(/added +0\n[^]*unchanged +3\n/);
});

test("how a place is reached may change, which is said; an index of an earlier version takes what is given", async () => {
  await writeTars(at("tars"), await makePictures(2), 2);
  await index("reached", at("tars"));
  const said = await index("reached", at("tars"), "--endpoint", "http://127.0.0.1:9");
  expect([said.result, said.stderr]).toEqual([0, expect.stringContaining("--endpoint http://127.0.0.1:9 from now on")]);
  const path = at("reached", "index.json");
  const { readings, ...earlier } = JSON.parse(readFileSync(path, "utf8")) as { readings: object };
  expect(readings).toEqual({ [at("tars")]: { kind: "webdataset", endpoint: "http://127.0.0.1:9" } });
  writeFileSync(path, JSON.stringify(earlier));
  expect((await index("reached")).stdout).toMatch(/unchanged +2\n/);
  expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ readings: { [at("tars")]: { kind: "webdataset" } } });
});
