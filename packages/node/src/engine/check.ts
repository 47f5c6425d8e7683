import { valueAndGradient } from "@clip-ts/core";
import { matMul, softmax, square, sum, tensor2d, tidy, type Tensor } from "@tensorflow/tfjs-core";

/** How far the running engine is from the right answer. */
export interface EngineCheck {
  readonly name: string;
  readonly expected: readonly number[];
  readonly actual: readonly number[];
  /** Every number is right to a thousandth: room for 10-bit products, none for wrong kernels. */
  readonly passed: boolean;
}

const tolerance = 1e-3;

/** The answers were worked out by hand; whole numbers below 2^11 suit every float format. */
const questions: readonly {
  readonly name: string;
  readonly expected: readonly number[];
  readonly ask: (left: Tensor, right: Tensor) => Tensor;
}[] = [
  {
    name: "matmul",
    expected: [58, 64, 139, 154],
    ask: (left, right) => matMul(left, right),
  },
  {
    name: "softmax",
    expected: [1 / 8, 2 / 8, 5 / 8],
    ask: () => softmax(tensor2d([[0, Math.log(2), Math.log(5)]])),
  },
  {
    // d sum((left · right)²) / d left = 2 (left · right) · rightᵀ
    name: "gradient",
    expected: [1836, 2324, 2812, 4410, 5582, 6754],
    ask: (left, right) => {
      const objective = (params: { left: Tensor }) => ({
        loss: sum(square(matMul(params.left, right))),
      });
      return valueAndGradient(objective, { left }).gradient.left;
    },
  },
];

/** Asks the running engine for a product, a softmax and a gradient whose values are known. */
export async function checkEngine(): Promise<EngineCheck[]> {
  const checks: EngineCheck[] = [];
  for (const { name, expected, ask } of questions) {
    const answer = tidy(() => {
      const left = tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
      const right = tensor2d([7, 8, 9, 10, 11, 12], [3, 2]);
      return ask(left, right);
    });
    const actual = Array.from(await answer.data());
    answer.dispose();
    const passed =
      actual.length === expected.length &&
      expected.every((value, index) => {
        return Math.abs((actual[index] as number) - value) <= tolerance * value;
      });
    checks.push({ name, expected, actual, passed });
  }
  return checks;
}
