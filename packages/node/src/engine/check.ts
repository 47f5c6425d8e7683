import { valueAndGradient } from "@clip-ts/core";
import { trace, type Target } from "@clip-ts/jit";
import type { StartedEngine } from "./engine.ts";
import {
  add,
  matMul,
  ones,
  softmax,
  square,
  sum,
  tensor,
  tensor2d,
  tidy,
  tile,
  type Tensor,
} from "@tensorflow/tfjs-core";

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
  readonly ask: (a: Tensor, b: Tensor) => Tensor;
}[] = [
  {
    name: "matmul",
    expected: [58, 64, 139, 154],
    ask: (a, b) => matMul(a, b),
  },
  {
    name: "softmax",
    expected: [1 / 8, 2 / 8, 5 / 8],
    ask: () => softmax(tensor2d([[0, Math.log(2), Math.log(5)]])),
  },
  {
    // d sum((a · b)²) / d a = 2 (a · b) · bᵀ
    name: "gradient",
    expected: [1836, 2324, 2812, 4410, 5582, 6754],
    ask: (a, b) => {
      const objective = (params: { a: Tensor }) => ({ loss: sum(square(matMul(params.a, b))) });
      return valueAndGradient(objective, { a }).gradient.a;
    },
  },
  {
    // Each of 256 rows is 5, 7, 9, four times: sums of x² + x. Large enough for an engine to fuse it.
    name: "sums over rows",
    expected: Array.from({ length: 12 }, (_, at) => [7680, 14336, 23040][at % 3] as number),
    ask: (a) => {
      const rows = tile(matMul(ones([256, 2]), a), [1, 4]);
      return sum(add(square(rows), rows), 0);
    },
  },
];

const left = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
const right = { data: Float32Array.of(7, 8, 9, 10, 11, 12), shape: [3, 2] };

type Question = (typeof questions)[number]["ask"];

/** The answer as a compiled graph gives it. */
async function askCompiled(ask: Question, target: Target): Promise<number[]> {
  const graph = trace((given) => ({ answer: ask(given.left, given.right) }), {
    left,
    right,
  });
  const compiled = await target(graph);
  const { answer } = await compiled.run({ left, right });
  await compiled.dispose();
  return Array.from(answer?.data ?? []);
}

/** The answer as tfjs's engine gives it. */
async function askEager(ask: Question): Promise<number[]> {
  const answer = tidy(() => ask(tensor(left.data, [2, 3]), tensor(right.data, [3, 2])));
  const values = Array.from(await answer.data());
  answer.dispose();
  return values;
}

/**
 * Asks the running engine for a product, a softmax, a gradient and sums whose values are known; an engine
 * that compiles is asked through a traced graph.
 */
export async function checkEngine({ compiler }: Pick<StartedEngine, "compiler"> = {}): Promise<
  EngineCheck[]
> {
  const checks: EngineCheck[] = [];
  for (const { name, expected, ask } of questions) {
    const actual = await (compiler === undefined
      ? askEager(ask)
      : askCompiled(ask, compiler.target));
    const passed =
      actual.length === expected.length &&
      expected.every((value, index) => {
        return Math.abs((actual[index] as number) - value) <= tolerance * value;
      });
    checks.push({ name, expected, actual, passed });
  }
  return checks;
}
