import { randomTensor } from "@clip-ts/test-utils";
import { matMul, reshape, sub, tensor, transpose, zeros, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { createOptimizer, orthogonalByDefault } from "./index.ts";
import { orthogonalized } from "./muon.ts";

/** x·xᵀ on the shorter side, whose eigenvalues are the squared singular values. */
function gram(matrix: Tensor): number[][] {
  const [height = 0, width = 0] = matrix.shape;
  return matMul(matrix, matrix, height > width, height <= width).arraySync() as number[][];
}

test.each([
  [6, 20],
  [20, 6],
])("all singular values of a [%i, %i] matrix move close to 1", (height, width) => {
  const squares = gram(orthogonalized(randomTensor([height, width], "matrix"), 5));
  for (const [row, values] of squares.entries()) {
    expect(values[row]).toBeGreaterThan(0.4);
    expect(values[row]).toBeLessThan(1.5);
    // Off the diagonal, what Gershgorin's circles leave of the distance from a multiple of the identity.
    const rest = values.reduce((sum, value, column) => sum + (column === row ? 0 : value ** 2), 0);
    expect(Math.sqrt(rest)).toBeLessThan(0.6);
  }
});

test("the directions stay: a diagonal matrix stays diagonal, its signs kept", () => {
  const [first, second] = orthogonalized(tensor([[3, 0], [0, -0.2]]), 5).arraySync() as number[][]; // prettier-ignore
  expect([first![1], second![0]]).toEqual([0, 0]);
  expect(first![0]).toBeGreaterThan(0.6);
  expect(second![1]).toBeLessThan(-0.6);
});

test("a matrix without gradient stays finite", () => {
  expect([...orthogonalized(zeros([2, 3]), 5).dataSync()]).toEqual(Array(6).fill(0));
});

test("a kernel moves as the matrix of its outputs", () => {
  const [kernel, grad] = [randomTensor([4, 3, 2, 2], "kernel"), randomTensor([4, 3, 2, 2], "grad")];
  const flat = (x: Tensor): Tensor => reshape(x, [4, 12]);
  const moved = [kernel, flat(kernel)].map((param) => {
    const optimizer = createOptimizer({ kind: "muon" }, { "conv.weight": { shape: param.shape, role: "matrix" } });
    expect(optimizer.matrices).toEqual(new Set(["conv.weight"]));
    const slots = [zeros(param.shape), zeros(param.shape)];
    const leaf = { param, grad: reshape(grad, param.shape), slots, weightDecay: 0, multiplier: 1 };
    const step = { ...leaf, scalars: optimizer.scalars(0, 0.1), isMatrix: true };
    return optimizer.updateLeaf(step)[0] as Tensor;
  });
  expect([...moved[0]!.dataSync()]).toEqual([...moved[1]!.dataSync()]);
});

test("a tall matrix moves as its transpose does", () => {
  const wide = randomTensor([3, 7], "wide");
  const difference = sub(transpose(orthogonalized(transpose(wide), 5)), orthogonalized(wide, 5)).dataSync();
  expect(Math.max(...difference.map(Math.abs))).toBeLessThan(1e-6);
});

test.each([
  ["matrix", [8, 4], true],
  ["matrix", [8, 4, 3, 3], true],
  ["bias", [8], false],
  ["embedding", [99, 8], false],
  ["head", [8, 8], false],
] as const)("a leaf with the role %s and shape %o is moved by Muon: %s", (role, shape, expected) => {
  expect(orthogonalByDefault({ role, shape }, "leaf")).toBe(expected);
});

test("what does not say whether it is a matrix is refused unless a rule says it", () => {
  const params = { table: { shape: [99, 8] } };
  expect(() => createOptimizer({ kind: "muon" }, params)).toThrow(
    'Muon cannot tell whether "table" of [99, 8] is a matrix or a table of embeddings',
  );
  const rules = { kind: "muon", matrices: [["table", false]] } as const;
  expect(createOptimizer(rules, params).matrices.size).toBe(0);
});

test("rules choose the matrices", () => {
  const matrix = { shape: [2, 2], role: "matrix" } as const;
  const params = { a: matrix, b: matrix };
  const { matrices } = createOptimizer({ kind: "muon", matrices: [["b", false]] }, params);
  expect(matrices).toEqual(new Set(["a"]));
});
