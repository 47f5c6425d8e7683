import type { RandomStream } from "@clip-ts/base";

/** True inside the shape; x and y in units of its radius, y downwards. */
type Inside = (x: number, y: number) => boolean;

/** Shapes by the word for them. */
export const shapes: Readonly<Record<string, Inside>> = {
  circle: (x, y) => x * x + y * y <= 1,
  ring: (x, y) => x * x + y * y <= 1 && x * x + y * y >= 0.3,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.85,
  diamond: (x, y) => Math.abs(x) + Math.abs(y) <= 1,
  triangle: (x, y) => y <= 0.8 && y >= -1 + 2 * Math.abs(x),
  cross: (x, y) =>
    Math.min(Math.abs(x), Math.abs(y)) <= 0.3 && Math.max(Math.abs(x), Math.abs(y)) <= 1,
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
export function drawScene(random: RandomStream): SyntheticScene {
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
