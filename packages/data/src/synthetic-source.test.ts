import { expect, test } from "vitest";
import { colours, shapes, syntheticSource } from "./synthetic-source.ts";

const words = new RegExp(
  `^a (small|large) (${Object.keys(colours).join("|")}) (${Object.keys(shapes).join("|")}) ` +
    `on (${Object.keys(colours).join("|")})$`,
);

test("images show what the captions say", async () => {
  const size = 64;
  for (const record of syntheticSource({ count: 60, seed: 1, size }).records) {
    const [, extent, colour = "", shape, background = ""] = words.exec(record.captions.at(0)!)!;
    const { data } = await record.loadImage();
    const countOf = (name: string): number => {
      const [red, green, blue] = colours[name] ?? [];
      let found = 0;
      for (let at = 0; at < data.length; at += 3) {
        if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) found++;
      }
      return found / (size * size);
    };
    expect(countOf(background)).toBeGreaterThan(0.3);
    expect(countOf(colour)).toBeGreaterThan(0.01);
    expect(countOf(colour) > 0.13 || extent === "small" || shape !== "square").toBe(true);
    // Shapes lie inside the image.
    expect(Array.from(data.subarray(0, 3))).toEqual(colours[background]);
  }
});

test("a record follows from seed and index, however many there are", async () => {
  const few = syntheticSource({ count: 5, seed: 3 }).records;
  const many = syntheticSource({ count: 50, seed: 3 }).records;
  for (const [index, record] of few.entries()) {
    expect(record.captions).toEqual(many[index]?.captions);
    expect(await record.loadImage()).toEqual(await many[index]?.loadImage());
  }
  const other = syntheticSource({ count: 5, seed: 4 }).records;
  expect(other.map(({ captions }) => captions)).not.toEqual(few.map(({ captions }) => captions));
});

test("counts and sizes must be whole and positive", () => {
  expect(() => syntheticSource({ count: 0, seed: 1 })).toThrow(/count/);
  expect(() => syntheticSource({ count: 1, seed: 1, size: 2.5 })).toThrow(/size.*2\.5/);
});
