import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { colourModel, writePictures } from "./fixtures/small-pictures.ts";
import type { UpdateOptions } from "./update-options.ts";
import { updatePictureIndex } from "./update-picture-index.ts";

let root = "";
const at = (...names: string[]): string => join(root, ...names);
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "clip-ts-picture-index-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const update = (folder: string, source: string, more: Partial<UpdateOptions> = {}) =>
  updatePictureIndex({
    folder,
    model: colourModel(),
    sources: [{ path: source }],
    store: { name: "flat" },
    ...more,
  });

test("of an index that was not made nothing is left behind", async () => {
  await writePictures([at("photos", "a.jpg")]);
  const unreachable = { store: { url: "http://127.0.0.1:9" } };
  for (const [source, more, code] of [
    ["fotos", {}, "not-found"],
    ["photos", unreachable, "bad-data"],
    ["photos", { store: { name: "lance", dtype: "int8" } }, "bad-argument"],
    ["photos", { remaps: true }, "not-found"],
  ] as const) {
    await expect(update(at("new", "index"), at(source), more), source).rejects.toMatchObject({ code });
    expect(readdirSync(root)).toEqual(["photos"]);
  }
});

test("a folder that was there stays, with what lies in it", async () => {
  mkdirSync(at("empty"));
  await expect(update(at("empty"), at("fotos"))).rejects.toMatchObject({ code: "not-found" });
  expect(readdirSync(at("empty"))).toEqual([]);
  writeFileSync(at("empty", "notes.txt"), "");
  await expect(update(at("empty"), at("fotos"))).rejects.toMatchObject({ code: "not-found" });
  expect(readdirSync(at("empty"))).toEqual(["notes.txt"]);
});

test("an index that is there stays as it was when its update fails", async () => {
  await writePictures([at("photos", "a.jpg")]);
  await update(at("index"), at("photos"));
  const before = readdirSync(at("index")).toSorted();
  await expect(update(at("index"), at("fotos"))).rejects.toMatchObject({ code: "not-found" });
  expect(readdirSync(at("index")).toSorted()).toEqual(before);
  expect(existsSync(at("index", "index.json"))).toBe(true);
});
