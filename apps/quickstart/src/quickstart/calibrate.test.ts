import { expect, test } from "vitest";
import { rememberImages } from "./calibrate.ts";

test("an image is read once, and only when it is asked for", async () => {
  const read: string[] = [];
  const records = ["a", "b"].map((key) => ({
    key,
    captions: [key],
    async loadImage() {
      read.push(key);
      return { data: new Uint8Array(3), width: 1, height: 1, channels: 3 as const };
    },
  }));
  const { label, records: remembered } = rememberImages({ label: "letters", records });
  expect([label, read]).toEqual(["letters", []]);
  const [first, second] = [await remembered[0]?.loadImage(), await remembered[0]?.loadImage()];
  expect(first).toBe(second);
  expect(read).toEqual(["a"]);
});
