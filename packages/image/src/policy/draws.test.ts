// How often what is drawn, against timm's and torchvision's draws.
import { readFileSync } from "node:fs";
import { randomStream } from "@clip-ts/base";
import { describe, expect, test } from "vitest";
import { eraseParts, type ErasingConfig } from "../erase.ts";
import { drawRectangle } from "../random-resized-crop.ts";
import { autoAugment, type PolicyConfig } from "./apply.ts";

/** How often a number came, its sum and the sum of its squares. */
interface Count {
  count: number;
  sum: number;
  squares: number;
}

type Counts = Readonly<Record<string, Count>>;

/** A case, and what came of it. */
type Counted<Case> = readonly (readonly [Case, Counts])[];

interface Sides {
  readonly height: number;
  readonly width: number;
}

/** Written by tools/peers/check_draws.py. */
const stored = JSON.parse(readFileSync(new URL("../fixtures/draws.json", import.meta.url), "utf8")) as {
  readonly count: number;
  readonly policies: Counted<string>;
  readonly erasing: Counted<Sides & ErasingConfig & { readonly count: number }>;
  readonly crops: Counted<Sides & { readonly scale: [number, number]; readonly ratio: [number, number] }>;
};

const times = 3000;

function counts(draw: (add: (name: string, value: number) => void) => void): Counts {
  const found: Record<string, Count> = {};
  const add = (name: string, value: number): void => {
    const into = (found[name] ??= { count: 0, sum: 0, squares: 0 });
    into.count++;
    into.sum += value;
    into.squares += value * value;
  };
  for (let index = 0; index < times; index++) draw(add);
  return found;
}

const momentsOf = ({ count, sum, squares }: Count): readonly [number, number] => [
  sum / count,
  Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2)),
];

/**
 * Holds counts against timm's: shares of images by the binomial distribution's standard error, means by theirs,
 * deviations by theirs for a kurtosis of 10; 4.5 of each at most. Seeds are fixed.
 */
function expectAlike(mine: Counts, theirs: Counts): void {
  const none: Count = { count: 0, sum: 0, squares: 0 };
  for (const name of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
    const [ours, other] = [mine[name] ?? none, theirs[name] ?? none];
    const share = other.count / stored.count;
    // several operations of a name may be done to one image, each with its chance
    const perDraw = Math.sqrt(Math.max(share, 1 / stored.count) * (1 / times + 1 / stored.count));
    expect(Math.abs(ours.count / times - share), `${name}: how often`).toBeLessThan(4.5 * perDraw);
    if (Math.min(ours.count, other.count) < 2) continue;
    const [[mean, deviation], [others, otherDeviation]] = [momentsOf(ours), momentsOf(other)];
    const inverse = 1 / ours.count + 1 / other.count;
    expect(Math.abs(mean - others), `${name}: mean`).toBeLessThanOrEqual(
      4.5 * Math.max(deviation, otherDeviation) * Math.sqrt(inverse) + 1e-6,
    );
    if (Math.max(deviation, otherDeviation) < 1e-6) continue;
    const ratio = Math.abs(Math.log(Math.max(deviation, 1e-9) / Math.max(otherDeviation, 1e-9)));
    expect(ratio, `${name}: deviation`).toBeLessThan(4.5 * 1.5 * Math.sqrt(inverse));
  }
}

function drawsOf(words: string): Counts {
  const random = randomStream(1, words);
  const image = { data: new Uint8Array(3 * 16).fill(90), width: 4, height: 4, channels: 3 } as const;
  return counts((add) => {
    let done = 0;
    const config: PolicyConfig = {
      size: 224,
      mean: [0.5, 0.5, 0.5],
      interpolation: "bilinear",
      onStep({ name, amount }) {
        done++;
        add(name, amount);
      },
      onMix(shares, mixed) {
        add("mixed", mixed);
        add("largest share", Math.max(...shares));
      },
    };
    autoAugment(image, words, config, random);
    add("operations", done);
  });
}

test.each(stored.policies)("%s draws operations, their numbers and their mix as timm does", (words, theirs) => {
  expectAlike(drawsOf(words), theirs);
});

test("another policy's draws are told apart", () => {
  const [, theirs] = stored.policies.find(([words]) => words === "rand-m9-n2-mstd0.5-inc1")!;
  for (const words of ["rand-m9-n2-mstd0.5", "rand-m8-n2-mstd0.5-inc1", "rand-m9-n2-mstd0.5-inc1-p0.6"]) {
    expect(() => expectAlike(drawsOf(words), theirs), words).toThrow(/: (?:how often|mean|deviation)/u);
  }
});

/** The share of planes of ones that became zeros, and height by width of one part. */
function measureErased(planes: Float32Array, { height, width }: Sides): { area: number; aspect: number } {
  const [rows, columns] = [new Set<number>(), new Set<number>()];
  let area = 0;
  for (let place = 0; place < height * width; place++) {
    if (planes[place] !== 0) continue;
    area++;
    rows.add(Math.floor(place / width));
    columns.add(place % width);
  }
  return { area: area / (height * width), aspect: Math.log(rows.size / columns.size) };
}

test.each(stored.erasing)("erasing %j takes parts as large and as long as timm's", (settings, theirs) => {
  const { height, width, ...config } = settings;
  const random = randomStream(2, JSON.stringify(config));
  const mine = counts((add) => {
    const planes = new Float32Array(3 * height * width).fill(1);
    eraseParts(planes, settings, { ...config, mode: "const" }, random);
    const { area, aspect } = measureErased(planes, settings);
    if (area > 0) add("area", area);
    if (area > 0 && config.count === 1) add("aspect", aspect);
  });
  expectAlike(mine, theirs);
});

describe("crops", () => {
  test.each(stored.crops)("%j are torchvision's", (settings, theirs) => {
    const random = randomStream(3, JSON.stringify(settings));
    const mine = counts((add) => {
      const { left, top, width, height } = drawRectangle(settings, settings, random);
      add("area", (width * height) / (settings.width * settings.height));
      add("aspect", Math.log(width / height));
      add("left", left);
      add("top", top);
    });
    expectAlike(mine, theirs);
  });
});
