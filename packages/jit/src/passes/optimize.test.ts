import { relativeError, randomTensor } from "@clip-ts/test-utils";
import {
  add,
  clone,
  dispose,
  div,
  exp,
  matMul,
  maximum,
  mul,
  neg,
  reshape,
  scalar,
  fill,
  sigmoid,
  softmax,
  sub,
  sum,
  tile,
  transpose,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { assert, array, nat, property, record } from "fast-check";
import { expect, test } from "vitest";
import { interpret } from "../ir/interpret.ts";
import { trace } from "../trace/trace.ts";
import { optimize } from "./optimize.ts";

type Step = (values: readonly Tensor[], a: number, b: number) => Tensor;

/** A value [rows, columns]; every step makes one of the values so far, so that all steps combine. */
const pick = (values: readonly Tensor[], place: number): Tensor => values[place % values.length] as Tensor;

const numbers = [0, 1, 2, -4, 0.3, 10];
const square: readonly [number, number] = [4, 4];

const steps: readonly Step[] = [
  (values, a, b) => add(pick(values, a), pick(values, b)),
  (values, a, b) => sub(pick(values, a), pick(values, b)),
  (values, a, b) => mul(sigmoid(pick(values, a)), pick(values, b)),
  (values, a, b) => maximum(pick(values, a), pick(values, b)),
  (values, a, b) => mul(pick(values, a), numbers[b % 6] as number),
  (values, a, b) => add(fill([...square], numbers[b % 6] as number), pick(values, a)),
  (values, a, b) => div(pick(values, a), scalar([1, 2, -0.25, 3][b % 4] as number)),
  (values, a) => neg(clone(pick(values, a))),
  (values, a) => softmax(pick(values, a)),
  (values, a) => transpose(pick(values, a)),
  (values, a, b) => matMul(softmax(pick(values, a)), pick(values, b), a % 2 === 0, b % 2 === 0),
  (values, a, b) => matMul(softmax(transpose(pick(values, a))), transpose(pick(values, b))),
  (values, a) => reshape(transpose(reshape(pick(values, a), [2, 2, 4]), [1, 0, 2]), [...square]),
  (values, a) => reshape(transpose(reshape(pick(values, a), [4, 1, 4]), [1, 0, 2]), [...square]),
  (values, a) => {
    const shuffled = transpose(reshape(pick(values, a), [2, 2, 4]), [2, 0, 1]);
    return reshape(transpose(shuffled, [1, 0, 2]), [...square]);
  },
  (values, a, b) => {
    const batch = reshape(pick(values, a), [2, 2, 4]);
    const y = matMul(batch, reshape(softmax(pick(values, b)), [1, 4, 4]));
    return reshape(y, [...square]);
  },
  (values, a, b) => mul(tile(sum(softmax(pick(values, a)), 0, true), [4, 1]), pick(values, b)),
  (values, a, b) => mul(mul(fill([4, 4], 1), sum(pick(values, a), 1, true)), sigmoid(pick(values, b))),
  (_, a, b) => exp(mul(fill([...square], (a % 5) / 8), scalar((b % 3) - 1))),
];

const program = array(record({ step: nat(steps.length - 1), a: nat(30), b: nat(30) }), {
  minLength: 1,
  maxLength: 24,
});

test("optimised graphs compute what the traced ones compute", () => {
  const inputs = { x: randomTensor([...square], "x"), w: randomTensor([...square], "w") };
  assert(
    property(program, (choices) => {
      const run = ({ x, w }: Readonly<Record<string, Tensor>>): Record<string, Tensor> => {
        const values = [x as Tensor, w as Tensor];
        for (const { step, a, b } of choices) values.push((steps[step] as Step)(values, a, b));
        return { y: values.at(-1) as Tensor, z: values.at(-2) as Tensor };
      };
      const graph = trace(run, { x: { shape: square }, w: { shape: square } });
      const optimized = optimize(graph);
      expect(optimized.nodes.length).toBeLessThanOrEqual(graph.nodes.length);
      expect(optimize(optimized)).toBe(optimized);
      const [expected, actual] = [interpret(graph, inputs), interpret(optimized, inputs)];
      for (const name of ["y", "z"]) {
        const [is, should] = [actual[name]!.dataSync(), expected[name]!.dataSync()];
        expect(relativeError(is, should)).toBeLessThan(1e-6);
      }
      dispose([expected, actual] as never);
    }),
    { numRuns: 300, seed: 7 },
  );
  dispose(inputs);
});

test("passes can be chosen, and no pass leaves the graph but for what nothing needs", () => {
  const graph = trace(({ x }) => ({ y: mul(x as Tensor, 1) }), { x: { shape: [2] } });
  expect(optimize(graph, { passes: [] })).toBe(graph);
  expect(optimize(graph).nodes).toEqual([]);
  expect(optimize(graph).outputs).toEqual([{ name: "y", value: graph.inputs[0]?.value }]);
});
