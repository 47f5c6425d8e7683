import { ClipError, randomStream, type RandomStream } from "@clip-ts/base";
import type { Pixels } from "@clip-ts/image";
import { pairSource, type PairRecord, type PairSource } from "./pair-source.ts";

/** True inside the shape; x and y in units of its radius, y downwards. */
type Inside = (x: number, y: number) => boolean;

/** Shapes by the word for them. */
export const shapes: Readonly<Record<string, Inside>> = {
  circle: (x, y) => x * x + y * y <= 1,
  ring: (x, y) => x * x + y * y <= 1 && x * x + y * y >= 0.3,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.85,
  diamond: (x, y) => Math.abs(x) + Math.abs(y) <= 1,
  triangle: (x, y) => y <= 0.8 && y >= -1 + 2 * Math.abs(x),
  cross: (x, y) => Math.min(Math.abs(x), Math.abs(y)) <= 0.3 && Math.max(Math.abs(x), Math.abs(y)) <= 1,
};

/** Colours by the word for them, each channel in 0 … 255. */
export const colours: Readonly<Record<string, readonly [number, number, number]>> = {
  red: [214, 40, 40],
  orange: [245, 140, 30],
  yellow: [245, 215, 60],
  green: [50, 160, 75],
  blue: [45, 95, 200],
  purple: [130, 60, 170],
  black: [25, 25, 25],
  white: [240, 240, 240],
};

/** Half the shape's extent as a part of the image's side. */
const radii = { small: [0.14, 0.2], large: [0.32, 0.4] } as const;

/** What a synthetic image shows. Lengths are parts of the image's side. */
export interface SyntheticScene {
  readonly size: "small" | "large";
  readonly colour: string;
  readonly shape: string;
  readonly background: string;
  readonly radius: number;
  readonly centre: readonly [x: number, y: number];
}

function pick<Item>(items: readonly Item[], random: RandomStream): Item {
  return items[random.integer(items.length)] as Item;
}

/** Draws what to show; the shape lies wholly inside the image, on a background of another colour. */
function drawScene(random: RandomStream): SyntheticScene {
  const size = pick(["small", "large"] as const, random);
  const colour = pick(Object.keys(colours), random);
  const shape = pick(Object.keys(shapes), random);
  const background = pick(
    Object.keys(colours).filter((name) => name !== colour),
    random,
  );
  const [smallest, largest] = radii[size];
  const radius = smallest + (largest - smallest) * random.uniform();
  const place = (): number => radius + (1 - 2 * radius) * random.uniform();
  return { size, colour, shape, background, radius, centre: [place(), place()] };
}

/** Options of syntheticSource. */
export interface SyntheticSourceOptions {
  /** How many pairs an epoch has. */
  readonly count: number;
  readonly seed: number;
  /** Side of the images in pixels; 64 by default. */
  readonly size?: number;
}

/** Where in a pixel coverage is sampled: four points smooth the edges. */
const samples = [
  [0.25, 0.25],
  [0.75, 0.25],
  [0.25, 0.75],
  [0.75, 0.75],
] as const;

/** Part of the pixel that the shape covers, in 0 … 1. */
function coverage(scene: SyntheticScene, column: number, row: number, size: number): number {
  const inside = shapes[scene.shape]!;
  const [centreX, centreY] = scene.centre;
  const covered = samples.filter(([dx, dy]) => {
    const x = ((column + dx) / size - centreX) / scene.radius;
    const y = ((row + dy) / size - centreY) / scene.radius;
    return inside(x, y);
  });
  return covered.length / samples.length;
}

function paint(scene: SyntheticScene, size: number): Pixels {
  const front = colours[scene.colour]!;
  const back = colours[scene.background]!;
  const data = new Uint8Array(size * size * 3);
  for (let pixel = 0; pixel < size * size; pixel++) {
    const share = coverage(scene, pixel % size, Math.floor(pixel / size), size);
    for (const channel of [0, 1, 2] as const) {
      const value = back[channel] + share * (front[channel] - back[channel]);
      data[pixel * 3 + channel] = Math.round(value);
    }
  }
  return { data, width: size, height: size, channels: 3 };
}

function syntheticRecord(index: number, seed: number, size: number): PairRecord {
  const scene = drawScene(randomStream(seed, "synthetic", index));
  const subject = `${scene.size} ${scene.colour} ${scene.shape}`;
  const caption = `a ${subject} on ${scene.background}`;
  return {
    key: `synthetic-${index}`,
    captions: [caption, `${subject}, ${scene.background} background`],
    concept: caption,
    group: scene.shape,
    loadImage: async () => paint(scene, size),
  };
}

/**
 * Coloured shapes with exact captions, "a small red circle on blue": no files, as many as wanted.
 * Image and captions of a record follow from (seed, index).
 */
export function syntheticSource(options: SyntheticSourceOptions): PairSource {
  const { count, seed, size = 64 } = options;
  for (const [name, value] of Object.entries({ count, size })) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new ClipError("bad-argument", `synthetic: expected ${name} to be a whole number above 0, got ${value}`);
  }
  const records = Array.from({ length: count }, (_, index) => syntheticRecord(index, seed, size));
  return pairSource("synthetic", records);
}
