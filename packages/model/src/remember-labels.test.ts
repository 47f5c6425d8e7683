import { expect, test } from "vitest";
import { rememberLabels } from "./classification.ts";

function counted() {
  const asked: string[] = [];
  let fails = false;
  const embed = rememberLabels(async (labels, templates) => {
    asked.push(`${labels.join()}/${templates.join()}`);
    if (fails) throw new Error("out of memory");
    return { values: Float32Array.of(asked.length), rows: 1, dim: 1 };
  });
  return { asked, embed, failNow: (value: boolean) => void (fails = value) };
}

test("a set is computed once, another set or other templates anew", async () => {
  const { asked, embed } = counted();
  const first = await embed(["cat", "dog"], ["{}"]);
  expect(await embed(["cat", "dog"], ["{}"])).toBe(first);
  await embed(["dog", "cat"], ["{}"]);
  await embed(["cat", "dog"], ["a {}"]);
  await embed(["cat,dog"], ["{}"]);
  expect(asked).toHaveLength(4);
});

test("the set that was not asked for longest is forgotten", async () => {
  const { asked, embed } = counted();
  for (const label of ["a", "b", "c", "d", "a", "e", "a", "b"]) await embed([label], ["{}"]);
  expect(asked).toEqual(["a/{}", "b/{}", "c/{}", "d/{}", "e/{}", "b/{}"]);
});

test("what failed is tried again", async () => {
  const { asked, embed, failNow } = counted();
  failNow(true);
  await expect(embed(["a"], ["{}"])).rejects.toThrow("out of memory");
  failNow(false);
  await embed(["a"], ["{}"]);
  expect(asked).toHaveLength(2);
});
