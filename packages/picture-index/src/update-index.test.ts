import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { colourModel, picture, writeAt, writePictures } from "./fixtures/small-pictures.ts";
import { openPictureIndex } from "./picture-index.ts";
import type { UpdateOptions } from "./update-options.ts";
import { updatePictureIndex } from "./update-picture-index.ts";

let root = "";
const at = (...names: string[]): string => join(root, ...names);
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "clip-ts-picture-index-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const update = (sources: readonly string[], more: Partial<UpdateOptions> = {}) =>
  updatePictureIndex({
    folder: at("index"),
    model: colourModel(),
    sources: sources.map((path) => ({ path })),
    store: { name: "flat" },
    ...more,
  });

/** What a refused update says. */
const refusalOf = async (refused: () => Promise<unknown>): Promise<string> =>
  refused().then(
    () => "nothing was refused",
    (error: unknown) => (error as Error).message,
  );

/** Everything that the index holds, by id. */
async function rowsOf(folder = at("index")) {
  const index = await openPictureIndex(folder);
  const rows = [];
  for await (const some of index.vectors.scan({ withVectors: true })) rows.push(...some);
  await index.close();
  return Object.fromEntries(rows.map(({ id, fields, vector }) => [id, { ...fields, vector: [...(vector ?? [])] }]));
}
const idsOf = async (): Promise<string[]> => Object.keys(await rowsOf()).toSorted();

test("only what is new or changed is embedded, and what is gone leaves", async () => {
  const names = ["a.jpg", "b/c.jpg", "b/d.jpg", "e #1.jpg"].map((name) => at("photos", name));
  await writePictures(names);
  const first = await update([at("photos")]);
  expect(first).toMatchObject({ pictures: 4, added: 4, changed: 0, removed: 0, unchanged: 0, failed: [] });
  expect((await rowsOf())[at("photos", "b/c.jpg")]).toMatchObject({
    source: at("photos"),
    folder: "b/",
    label: "b",
    date: 1_600_000_001_000,
    width: 24,
    height: 16,
  });

  const model = colourModel();
  expect(await update([at("photos")], { model })).toMatchObject({ pictures: 4, unchanged: 4, added: 0 });
  expect(model.embedded()).toBe(0);

  rmSync(at("photos", "e #1.jpg"));
  writeAt(at("photos", "a.jpg"), await picture(250, 0, { width: 40, height: 30 }));
  utimesSync(at("photos", "b/c.jpg"), 1, 1);
  await writePictures([at("photos", "new", "f.jpg")]);
  renameSync(at("photos", "b/d.jpg"), at("photos", "new", "d.jpg"));
  expect(await update([at("photos")], { model })).toMatchObject({ added: 2, changed: 2, removed: 2, unchanged: 0 });
  expect(model.embedded()).toBe(4);
  const again = await rowsOf();
  await update([at("photos")], { folder: at("fresh") });
  expect(again).toEqual(await rowsOf(at("fresh")));
});

test("several sources share an index; each update touches its own", async () => {
  await writePictures([at("one", "a.jpg"), at("one", "in", "b.jpg"), at("two", "c.jpg")]);
  await update([at("one"), at("two")]);
  rmSync(at("one", "a.jpg"));
  rmSync(at("two", "c.jpg"));
  await writePictures([at("two", "d.jpg")]);
  expect(await update([at("two")])).toMatchObject({ added: 1, removed: 1, pictures: 3 });
  // a folder within a source is a source of its own, whose pictures the outer one still sees
  await update([at("one", "in")]);
  rmSync(at("one", "in", "b.jpg"));
  await writePictures([at("one", "z.jpg")]);
  expect(await update([at("one")])).toMatchObject({ added: 1, removed: 2, pictures: 2 });
  expect(await idsOf()).toEqual([at("one", "z.jpg"), at("two", "d.jpg")]);
  const { record } = await update([at("two", "d.jpg")]);
  expect(record.sources).toEqual([at("one"), at("two"), at("one", "in"), at("two", "d.jpg")]);
});

test("a source that lies empty or is not there is refused, until it is forgotten", async () => {
  await writePictures([at("disk", "a.jpg"), at("disk", "b.jpg"), at("other", "c.jpg")]);
  await update([at("disk"), at("other")]);
  renameSync(at("disk"), at("away"));
  expect(await refusalOf(() => update([at("other"), at("disk")]))).toMatch(
    /disk is not there, but the index has 2 of it.*--forget/,
  );
  mkdirSync(at("disk"));
  expect(await refusalOf(() => update([at("disk")]))).toMatch(/no picture any more, but the index has 2/);
  expect(await idsOf()).toHaveLength(3);
  expect(await update([], { forget: [at("disk")] })).toMatchObject({ removed: 2, pictures: 1 });
  const { record } = await update([at("other")]);
  expect(record.sources).toEqual([at("other")]);
  expect(await refusalOf(() => update([at("disk")]))).toMatch(/no picture in/);
  expect(await refusalOf(() => update([at("nowhere")]))).toMatch(/no file or folder/);
});

test("what lies behind a link to a disk that is not there stays", async () => {
  await writePictures([at("photos", "a.jpg"), at("disk", "b.jpg")]);
  symlinkSync(at("disk"), at("photos", "disk"));
  expect(await update([at("photos")])).toMatchObject({ added: 2 });
  renameSync(at("disk"), at("away"));
  expect(await update([at("photos")])).toMatchObject({ unchanged: 1, unseen: 1, removed: 0, pictures: 2 });
});

test("broken files are left out by reason; one that breaks later leaves", async () => {
  await writePictures([at("photos", "a.jpg"), at("photos", "b.jpg")]);
  writeAt(at("photos", "zero.jpg"), Buffer.alloc(0));
  writeAt(at("photos", "film.mp4"), Buffer.alloc(9));
  const { leftOut } = await update([at("photos")]);
  expect(leftOut.map(({ kind, count }) => [kind, count])).toEqual([
    ["unreadable-image", 1],
    ["ending .mp4", 1],
  ]);
  writeAt(at("photos", "b.jpg"), Buffer.from("no picture"));
  expect(await update([at("photos")])).toMatchObject({ removed: 1, unchanged: 1, pictures: 1 });
});

test("stopped after a batch, the next update goes on to the same index", async () => {
  await writePictures(Array.from({ length: 30 }, (_, number) => at("photos", `${number}.jpg`)));
  let batches = 0;
  const stopped = update([at("photos")], { batch: 4, shouldStop: () => ++batches === 3 });
  await expect(stopped).rejects.toMatchObject({ code: "interrupted" });
  expect(await idsOf()).toHaveLength(12);
  expect(await update([at("photos")])).toMatchObject({ unchanged: 12, added: 18 });
  await update([at("photos")], { folder: at("fresh") });
  expect(await rowsOf()).toEqual(await rowsOf(at("fresh")));
});

test("another model, other settings and another store are refused by name", async () => {
  await writePictures([at("photos", "a.jpg")]);
  await update([at("photos")]);
  const refusal = async (more: Partial<UpdateOptions>) => refusalOf(() => update([at("photos")], more));
  expect(await refusal({ model: colourModel("others") })).toMatch(
    /made by the model colours \(\w{12}\), not by others \(\w{12}\).*--remap others/,
  );
  expect(await refusal({ model: colourModel("colours", 16) })).toMatch(/images of 8 px, not 16 px/);
  expect(await refusal({ honourExif: false })).toMatch(/photographs turned upright/);
  expect(await refusal({ store: { name: "lance" } })).toMatch(/keeps its vectors in flat, not in lance/);
  expect(await refusal({ store: { dtype: "int8" } })).toMatch(/not in int8/);
  const renamed = { ...colourModel(), name: "mine" };
  expect((await update([at("photos")], { model: renamed })).record.model.name).toBe("mine");
});

test("two updates at once: the second is refused", async () => {
  await writePictures([at("photos", "a.jpg")]);
  let second = "";
  const first = update([at("photos")], {
    model: {
      ...colourModel(),
      images: async (...batch) => {
        second = await refusalOf(() => update([at("photos")]));
        return colourModel().images(...batch);
      },
    },
  });
  await first;
  expect(second).toMatch(/another process is updating this index/);
});

test("remap embeds all anew beside the index, resumably, and switches at the end", async () => {
  await writePictures(Array.from({ length: 20 }, (_, number) => at("photos", `${number}.jpg`)));
  await update([at("photos")]);
  const before = await rowsOf();
  const other = colourModel("others", 4);
  let batches = 0;
  const remap = (more: Partial<UpdateOptions> = {}) =>
    update([at("photos")], { model: other, remaps: true, store: { dtype: "int8" }, batch: 4, ...more });
  await expect(remap({ shouldStop: () => ++batches === 2 })).rejects.toMatchObject({ code: "interrupted" });
  expect(await rowsOf()).toEqual(before);
  expect(await update([at("photos")])).toMatchObject({ unchanged: 20 });
  expect(readdirSync(at("index")).filter((name) => name.startsWith("vectors"))).toHaveLength(2);

  expect(await remap()).toMatchObject({ unchanged: 8, added: 12 });
  const { record, close } = await openPictureIndex(at("index"));
  await close();
  expect(record).toMatchObject({
    model: { name: "others" },
    store: { dtype: "int8", place: "vectors-2" },
    imageSize: 4,
  });
  expect(Object.keys(await rowsOf())).toHaveLength(20);
  expect([existsSync(at("index", "remap.json")), existsSync(at("index", "vectors-1"))]).toEqual([false, false]);
  expect(await refusalOf(() => update([at("photos")]))).toMatch(/made by the model others/);
});

test("a remap that was begun with a third model begins again", async () => {
  await writePictures(Array.from({ length: 8 }, (_, number) => at("photos", `${number}.jpg`)));
  await update([at("photos")]);
  const begun = update([at("photos")], {
    model: colourModel("others"),
    remaps: true,
    batch: 4,
    shouldStop: () => true,
  });
  await expect(begun).rejects.toMatchObject({ code: "interrupted" });
  const said: string[] = [];
  const third = { model: colourModel("third"), remaps: true, onNotice: (line: string) => void said.push(line) };
  expect(await update([at("photos")], third)).toMatchObject({ added: 8, pictures: 8 });
  expect(said[0]).toMatch(/with others was begun otherwise and is given up/);
});
