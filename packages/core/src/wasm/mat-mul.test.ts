import { isClipError } from "@clip-ts/base";
import { largestDifference, randomTensor, reference, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import { backend, matMul, tensor, type Tensor2D } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

beforeAll(() => useEngine("wasm"));
afterAll(() => useEngine("cpu"));

interface Shapes {
  readonly a: number[];
  readonly b: number[];
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Batch axes of the result. */
  readonly outer: number[];
}

const side = fc.integer({ min: 1, max: 9 });

/** Shapes of a matmul whose batch axes broadcast: each operand may have an axis of 1, or lack it. */
const anyShapes: fc.Arbitrary<Shapes> = fc
  .record({
    rows: side,
    inner: side,
    columns: side,
    outer: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
    squeezeA: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    squeezeB: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    skip: fc.integer({ min: 0, max: 3 }),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
  })
  .map(({ rows, inner, columns, outer, squeezeA, squeezeB, skip, transposeA, transposeB }) => {
    const own = (squeeze: boolean[]): number[] => outer.map((length, axis) => (squeeze[axis] ? 1 : length));
    const [batchA, batchB] = [own(squeezeA), own(squeezeB).slice(skip)];
    const lead = batchA.map((length, axis) => {
      const other = batchB[axis - (batchA.length - batchB.length)] ?? 1;
      return Math.max(length, other);
    });
    return {
      a: [...batchA, ...(transposeA ? [inner, rows] : [rows, inner])],
      b: [...batchB, ...(transposeB ? [columns, inner] : [inner, columns])],
      transposeA,
      transposeB,
      outer: lead,
    };
  });

/** Where matrix `index` of the broadcast stack lies in a stack with axes `own`. */
function offsetOf(index: number, outer: readonly number[], own: readonly number[]): number {
  const place = outer.map((_, axis) => {
    const inner = outer.slice(axis + 1).reduce((product, length) => product * length, 1);
    return Math.floor(index / inner) % (outer[axis] as number);
  });
  const mine = place.slice(outer.length - own.length);
  return own.reduce((sum, length, axis) => sum * length + ((mine[axis] as number) % length), 0);
}

/** The matmul in float64, matrix by matrix. */
function expectedMatMul(shapes: Shapes, a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  const { transposeA, transposeB, outer } = shapes;
  const matrix = (values: ArrayLike<number>, shape: number[], flip: boolean, index: number): ArrayLike<number> => {
    const [height, width] = shape.slice(-2) as [number, number];
    const start = offsetOf(index, outer, shape.slice(0, -2)) * height * width;
    const part = Array.from(values).slice(start, start + height * width);
    return flip ? reference.transpose(part, height, width) : part;
  };
  const rows = shapes.a.at(transposeA ? -1 : -2) as number;
  const inner = shapes.a.at(transposeA ? -2 : -1) as number;
  const columns = shapes.b.at(transposeB ? -2 : -1) as number;
  const count = outer.reduce((total, length) => total * length, 1);
  return Array.from({ length: count }, (_, index) => {
    const left = matrix(a, shapes.a, transposeA, index);
    const right = matrix(b, shapes.b, transposeB, index);
    return Array.from(reference.matMul(left, right, { rows, inner, columns }));
  }).flat();
}

test("every transpose, batch and broadcast gives the matmul of the float64 reference", async () => {
  await fc.assert(
    fc.asyncProperty(anyShapes, async (shapes) => {
      const [a, b] = [randomTensor(shapes.a, "a"), randomTensor(shapes.b, "b")];
      const out = matMul(a as Tensor2D, b as Tensor2D, shapes.transposeA, shapes.transposeB);
      const expected = expectedMatMul(shapes, await a.data(), await b.data());
      expect(out.shape.slice(0, -2)).toEqual(shapes.outer);
      expect(largestDifference(await out.data(), expected)).toBeLessThan(1e-5);
      a.dispose();
      b.dispose();
      out.dispose();
    }),
    { numRuns: 150 },
  );
});

test("rows longer than any block of the C++ loop are summed once", async () => {
  const [rows, inner, columns] = [3, 300, 5];
  const [a, b] = [randomTensor([inner, rows], "a"), randomTensor([columns, inner], "b")];
  const out = matMul(a as Tensor2D, b as Tensor2D, true, true);
  const left = reference.transpose(await a.data(), inner, rows);
  const right = reference.transpose(await b.data(), columns, inner);
  const expected = reference.matMul(left, right, { rows, inner, columns });
  expect(largestDifference(await out.data(), expected)).toBeLessThan(5e-5);
});

test("leaves nothing of its own behind, neither tensors nor memory of the backend", async () => {
  const [a, b] = [randomTensor([4, 6, 5], "a"), randomTensor([4, 7, 5], "b")];
  const multiply = (): void => matMul(a, b, false, true).dispose();
  multiply();
  const arrays = backend().numDataIds();
  expect(await tensorsLeftBy(multiply)).toBe(0);
  expect(backend().numDataIds()).toBe(arrays);
});

test("operands that do not fit are refused, not read beyond their end", () => {
  const [a, b] = [randomTensor([2, 3], "a"), randomTensor([4, 5], "b")];
  expect(() => matMul(a as Tensor2D, b as Tensor2D)).toThrow(
    "matMul: expected [..., rows, inner] and [..., inner, columns], got [2, 3] and [4, 5].",
  );
});

test("integers are refused, not read as floats", () => {
  const ones = tensor([1, 1, 1, 1], [2, 2], "int32") as Tensor2D;
  let caught: unknown;
  try {
    matMul(ones, ones);
  } catch (error) {
    caught = error;
  }
  expect(isClipError(caught) && caught.code).toBe("unsupported");
});
