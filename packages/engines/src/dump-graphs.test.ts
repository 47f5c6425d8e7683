import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { optimize, trace, watchGraphs } from "@clip-ts/jit";
import { add, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { dumpGraphs } from "./dump-graphs.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-graphs-"));
afterAll(() => {
  watchGraphs(undefined);
  rmSync(folder, { recursive: true });
});

const traced = (first: string) =>
  trace(
    ({ a, b }) => ({
      sum: first === "a" ? add(a as Tensor, b as Tensor) : add(b as Tensor, a as Tensor),
    }),
    {
      a: { shape: [2], dtype: "float32" },
      b: { shape: [2], dtype: "float32" },
    },
  );

test("graphs are written as text in the order in which they come, if the environment says where", () => {
  dumpGraphs();
  optimize(traced("a"));
  expect(readdirSync(folder)).toEqual([]);

  process.env["CLIP_TS_DUMP_GRAPHS"] = folder;
  dumpGraphs();
  delete process.env["CLIP_TS_DUMP_GRAPHS"];
  for (const first of ["a", "a", "b"]) optimize(traced(first));
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  expect(texts).toHaveLength(3);
  expect(texts[0]).toContain("%2[2] = Add %0 %1");
  expect(texts[1]).toBe(texts[0]);
  expect(texts[2]).not.toBe(texts[0]);
});
