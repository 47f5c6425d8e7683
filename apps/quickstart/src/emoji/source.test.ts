import { createRequire } from "node:module";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { emojiSource, emojiVendors, type EmojiSourceOptions } from "./source.ts";

const { resolve } = createRequire(import.meta.url);
const packageFolder = (name: string): string => dirname(resolve(`${name}/package.json`));
const folders = {
  google: packageFolder("emoji-datasource-google"),
  "google-2018": packageFolder("emoji-datasource-google-2018"),
  "google-2016": packageFolder("emoji-datasource-google-2016"),
  emojione: packageFolder("emoji-datasource-emojione"),
  openmoji: packageFolder("openmoji"),
  twitter: packageFolder("emoji-datasource-twitter"),
  fluent: packageFolder("@lobehub/fluent-emoji-3d"),
  emojibase: packageFolder("emojibase-data"),
};

const emoji = (options: Partial<EmojiSourceOptions>): ReturnType<typeof emojiSource> =>
  emojiSource({ vendors: ["google"], folders, ...options });

test("every base concept of three vendors, with concepts that match across them", async () => {
  const source = await emoji({ vendors: ["google", "twitter", "fluent"] });
  const concepts = new Map<string, Set<string>>();
  for (const { key, concept = "" } of source.records) {
    const vendor = key.slice(concept.length + 1);
    concepts.set(vendor, (concepts.get(vendor) ?? new Set()).add(concept));
  }
  const google = concepts.get("google")!;
  expect(google.size).toBe(1906);
  expect(concepts.get("twitter")).toEqual(google);
  const shared = [...concepts.get("fluent")!].filter((concept) => google.has(concept));
  expect(shared.length).toBeGreaterThan(1800);
  expect([...google].filter((concept) => /FE0F|1F3F[B-F]/.test(concept))).toEqual([]);
});

test("older sets of drawings name the same concepts, fewer of them", async () => {
  const google = new Set((await emoji({})).records.map(({ concept }) => concept));
  for (const vendor of ["google-2018", "google-2016", "emojione"] as const) {
    const { records } = await emoji({ vendors: [vendor] });
    expect(records.length).toBeGreaterThan(1350);
    expect(records.filter(({ concept }) => !google.has(concept)).length).toBeLessThan(20);
  }
});

test("captions are the name, a drawing of it and the name with each tag", async () => {
  const { records } = await emoji({ vendors: ["google"] });
  expect(records.find(({ key }) => key === "1F600:google")).toMatchObject({
    concept: "1F600",
    group: "smileys-emotion",
    captions: expect.arrayContaining(["grinning face", "a drawing of grinning face", "grinning face, cheerful"]),
  });
});

test("images of all vendors decode", async () => {
  const { records } = await emoji({ vendors: emojiVendors });
  const hearts = records.filter(({ concept }) => concept === "2764");
  const sizes = await Promise.all(hearts.map(async (record) => (await record.loadImage()).width));
  expect(sizes).toEqual([64, 64, 64, 64, 64, 72, 256]);
});

test("locales add captions and skin tones add concepts", async () => {
  const { records } = await emoji({ locales: ["fr", "en"], skinTones: true });
  const grinning = records.find(({ concept }) => concept === "1F600");
  expect(grinning?.captions[0]).toMatch(/visage/);
  expect(grinning?.captions).toContain("grinning face");
  expect(records.find(({ concept }) => concept === "1F44B-1F3FB")?.captions).toContain("waving hand: light skin tone");
  expect(records.length).toBeGreaterThan(3500);
});

test("a wrong folder, locale or vendor is named", async () => {
  const without = { emojibase: folders.emojibase };
  await expect(emoji({ folders: without })).rejects.toThrow(/the folder of the vendor "google"/);
  await expect(emoji({ locales: ["tlh"] })).rejects.toThrow(/cannot read .*tlh[\\/]data\.json/);
  const swapped = { ...folders, google: folders.twitter };
  await expect(emoji({ folders: swapped })).rejects.toThrow(/cannot list .*img[\\/]google[\\/]64/);
});
