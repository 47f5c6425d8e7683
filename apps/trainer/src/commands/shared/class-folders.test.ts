import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listClasses, readTemplates } from "./class-folders.ts";

let folder = "";
const numbers = Array.from({ length: 1000 }, (_, index) => `n${`${index}`.padStart(8, "0")}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-ts-classes-"));
  for (const number of numbers) {
    await mkdir(join(folder, "imagenet", number), { recursive: true });
    await writeFile(join(folder, "imagenet", number, "0.png"), "");
  }
  for (const name of ["cat", "dog"]) await mkdir(join(folder, "pets", name), { recursive: true });
});
afterAll(() => rm(folder, { recursive: true }));

test("ImageNet's numbered folders get their names in order", async () => {
  const { classes } = await listClasses(join(folder, "imagenet"), { names: "imagenet" });
  expect(classes).toHaveLength(1000);
  expect([0, 1, 281, 999].map((index) => classes[index]?.name)).toEqual([
    "tench",
    "goldfish",
    "tabby cat",
    "toilet paper",
  ]);
  expect(classes[281]?.images).toEqual([join(folder, "imagenet", "n00000281", "0.png")]);
});

test("a file that is called like a known word is named by @", async () => {
  const place = process.cwd();
  process.chdir(folder);
  try {
    await mkdir("words");
    process.chdir("words");
    await writeFile("imagenet", "tabby\nhound\n");
    await writeFile("openai", "a {} at last\n");
    for (const name of ["cat", "dog"]) await writeFile(join(folder, "pets", name, "0.png"), "");
    const { classes } = await listClasses(join(folder, "pets"), { names: "@imagenet" });
    expect(classes.map(({ name }) => name)).toEqual(["tabby", "hound"]);
    expect(await readTemplates("@openai")).toEqual(["a {} at last"]);
    expect(await readTemplates("openai")).toHaveLength(80);
  } finally {
    process.chdir(place);
  }
});

test("other folders are not taken for ImageNet's", async () => {
  const pets = listClasses(join(folder, "pets"), { names: "imagenet" });
  await expect(pets).rejects.toThrow(/1000 folders n01440764 .* found a folder "cat"/u);
  await rm(join(folder, "imagenet", "n00000999"), { recursive: true });
  const fewer = listClasses(join(folder, "imagenet"), { names: "imagenet" });
  await expect(fewer).rejects.toThrow("found 999 folders");
});
