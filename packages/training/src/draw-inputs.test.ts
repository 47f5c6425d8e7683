import type { HostArray, HostArrays } from "@clip-ts/core";
import { rowsAt } from "@clip-ts/jit";
import { contrastive, preset, type ClipConfig } from "@clip-ts/model";
import { goldenTowers } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { drawInputs, type DrawSource } from "./draw-inputs.ts";

const nano = preset("nano");
const config: ClipConfig = {
  ...nano,
  vision: { ...(nano.vision as object), patchDropout: 0.5 } as ClipConfig["vision"],
  text: { ...goldenTowers.roberta, hiddenDropout: 0.3, attentionDropout: 0.3 },
};
const source: DrawSource = { draws: contrastive(config).draws!, frozen: { image: false, text: false }, seed: 3 };
const rows = 6;
const pairs: HostArrays = {
  pixelValues: { data: new Float32Array(rows * 3 * 64), shape: [rows, 3, 8, 8] },
  inputIds: { data: new Int32Array(rows * 4), shape: [rows, 4] },
};

const valuesOf = (drawn: HostArrays, name: string): readonly number[] => Array.from((drawn[name] as HostArray).data);

test("ranks draw for their own pairs what one process draws for these, other steps and seeds something else", () => {
  const alone = drawInputs(source, 5, pairs);
  expect(alone["keptPatches"]!.shape).toEqual([rows, 2]);
  expect(alone["keptHidden"]!.shape.slice(0, 3)).toEqual([rows, 5, 4]);
  const ranks = [0, 1, 2].map((rank) => drawInputs({ ...source, exchange: { rank } }, 5, rowsAt(pairs, 2 * rank, 2)));
  for (const [name, { data }] of Object.entries(alone)) {
    expect(
      ranks.flatMap((drawn) => valuesOf(drawn, name)),
      name,
    ).toEqual(Array.from(data));
    expect(data).toBeInstanceOf(Int32Array);
    const [first, second] = [0, 1].map((row) => valuesOf(rowsAt(alone, row, 1), name));
    if (name !== "keptPatches") expect(first).not.toEqual(second);
  }
  for (const other of [drawInputs(source, 6, pairs), drawInputs({ ...source, seed: 4 }, 5, pairs)]) {
    expect(valuesOf(other, "keptHidden")).not.toEqual(valuesOf(alone, "keptHidden"));
  }
});

test("nothing is drawn where nothing is left to chance, or for no pairs", () => {
  expect(drawInputs({ ...source, draws: contrastive(nano).draws! }, 0, pairs)).toEqual({});
  expect(drawInputs(source, 0, {})).toEqual({});
});
