import { randomStream } from "@clip-ts/base";
import type { CaptionJob } from "@clip-ts/data";
import type { Tokenizer } from "@clip-ts/tokenizer";
import { afterEach, describe, expect, test } from "vitest";
import { base, closePools, makePool } from "../fixtures/trial-pools.ts";

const { tokenizer } = base;
afterEach(closePools);

describe("captions", () => {
  const jobs: CaptionJob[] = [
    { texts: { texts: { txt: "A photo of a cat" } }, key: "a", random: ["caption", "a"] },
    {
      texts: { files: [{ ending: "json", place: { bytes: Buffer.from('{"caption":"two\\u0000 dogs","alt":"x"}') } }] },
      key: "b",
      random: ["caption", "b"],
    },
    { texts: { texts: { other: "no caption" } }, key: "c", random: ["caption", "c"] },
    { texts: { texts: { txt: "lone \ud800 surrogate" } }, key: "lone \udc00", random: ["caption", "\udc00"] },
    { texts: { files: [{ ending: "txt", place: { path: "/none", offset: 0, length: 1 } }] }, key: "d", random: ["d"] },
  ];
  const expected = ["A photo of a cat", "two\0 dogs", undefined, "lone \ud800 surrogate", undefined];

  const own: Tokenizer = { ...tokenizer };
  test.each([
    ["in threads", tokenizer],
    ["on this thread, with a tokenizer of one's own", own],
  ])("are chosen and made into ids %s", async (_, tokenizer) => {
    const pool = await makePool({ tokenizer });
    const read = await pool.captions(jobs);
    for (const [index, caption] of expected.entries()) {
      const found = read[index]!;
      if (caption === undefined) expect(found).toHaveProperty("reason", expect.stringContaining(jobs[index]!.key));
      else expect(found).toEqual({ caption, ids: Int32Array.from(tokenizer.encode(caption)) });
    }
    expect(read[2]).toEqual({ reason: "c has no caption: it has texts other" });
  });

  test("are drawn by their chances from the job's random path", async () => {
    const captions = { a: 0.5, b: 0.5 };
    const many = [...Array(64).keys()].map((n): CaptionJob => ({
      texts: { texts: { a: "first", b: "second" } },
      key: String(n),
      random: ["caption", n],
    }));
    const pools = [await makePool({ captions }), await makePool({ captions, threads: 2 })];
    const [some, same] = await Promise.all(pools.map((pool) => pool.captions(many)));
    expect(some).toEqual(same);
    const texts = many.map(({ random }) => (randomStream(base.seed, ...random).uniform() < 0.5 ? "first" : "second"));
    expect(some!.map((read) => "caption" in read && read.caption)).toEqual(texts);
  });
});
