import { ClipError, randomStream } from "@clip-ts/base";
import type { Pixels } from "@clip-ts/image";
import { type PairRecord, type PairSource, pairSource } from "./pair-source.ts";
import { colours, drawScene, shapes, type SyntheticScene } from "./synthetic-scene.ts";

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
    throw new ClipError(
      "bad-argument",
      `synthetic: expected ${name} to be a whole number above 0, got ${value}`,
    );
  }
  const records = Array.from({ length: count }, (_, index) => syntheticRecord(index, seed, size));
  return pairSource("synthetic", records);
}
