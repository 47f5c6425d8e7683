import { ClipError } from "@clip-ts/base";

/** Shapes of a checkpoint's tensors by their names in clip-ts's parameter tree. */
export type TensorShapes = ReadonlyMap<string, readonly number[]>;

/** Answers questions about shapes; what is missing is an error that names it. */
export class ShapeReader {
  private readonly shapes: TensorShapes;

  constructor(shapes: TensorShapes) {
    this.shapes = shapes;
  }

  has(name: string): boolean {
    return this.shapes.has(name);
  }

  /** Length of one axis of a tensor. */
  side(name: string, axis: number): number {
    const side = this.shapes.get(name)?.[axis];
    if (side !== undefined) return side;
    throw new ClipError(
      "bad-weights",
      `The model's sizes cannot be read from the weights alone: ${name} is missing or has too few axes.`,
      { data: { name, axis } },
    );
  }

  /** How many of `prefix0.`, `prefix1.`, … have tensors. */
  count(prefix: string): number {
    const indices = [...this.shapes.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => Number.parseInt(name.slice(prefix.length), 10));
    return Math.max(-1, ...indices) + 1;
  }
}

/** The whole root of a square number of patches. */
export function squareSide(patches: number, name: string): number {
  const side = Math.round(Math.sqrt(patches));
  if (side > 0 && side * side === patches) return side;
  throw new ClipError(
    "bad-weights",
    `${name} has ${patches} patch positions, which make no square; give a config.`,
    { data: { name, patches } },
  );
}
