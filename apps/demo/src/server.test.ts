import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { emojiFolder, readEmojiIndex } from "./server.ts";

test("every emoji is listed once, with a drawing and its English name", async () => {
  const emoji = await readEmojiIndex();
  expect(emoji.length).toBeGreaterThan(1800);
  expect(new Set(emoji.map(({ label }) => label)).size).toBe(emoji.length);
  expect(emoji.filter(({ file }) => !existsSync(join(emojiFolder(), file)))).toEqual([]);
  expect(emoji[0]?.label).toBe("grinning face");
  expect(emoji.map(({ label }) => label)).toContain("cat face");
});
