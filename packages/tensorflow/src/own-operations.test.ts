import { valueAndGradient } from "@clip-ts/core";
import { largestDifference, randomTensor, relativeError } from "@clip-ts/test-utils";
import {
  add,
  dispose,
  exp,
  matMul,
  mul,
  relu,
  reshape,
  sigmoid,
  softmax,
  square,
  sub,
  sum,
  tensor,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import {
  type Graph,
  type HostArrays,
  interpret,
  type NamedTensors,
  optimize,
  trace,
  traceSymbolic,
} from "@clip-ts/jit";
import { compileTensorflow, createTensorflowModule, type TensorflowOptions } from "./tensorflow-module.ts";
import { folders, hasOwnOperations, hasOwnGemm } from "./tensorflow-here.test.ts";

const hostOf = async (tensors: NamedTensors): Promise<HostArrays> => {
  const entries = Object.entries(tensors).map(async ([name, x]) => {
    return [name, { data: (await x.data()) as Float32Array, shape: x.shape }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
};

/** What a graph gives with clip-ts's own operations, and what it gives operation by operation. */
async function both(
  graph: Graph,
  inputs: NamedTensors,
  options: Partial<TensorflowOptions> = {},
): Promise<[HostArrays, HostArrays]> {
  const ready = { folders, hasOwnOperations: true, ...options };
  const compiled = await compileTensorflow(graph, ready);
  const actual = await compiled.run(await hostOf(inputs));
  await compiled.dispose();
  const results = interpret(graph, inputs);
  const expected = await hostOf(results);
  dispose(results);
  return [actual, expected];
}

const random = (shapes: Readonly<Record<string, number[]>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, randomTensor(shape, name)]));

const shapes = { x: [64, 40], bias: [192], up: [192, 40], down: [40, 192], mask: [8, 40] };

/** Matmuls, a bias, an activation, rows that come again, a softmax; loss and gradients. */
const trained = (given: NamedTensors): NamedTensors => {
  const { value, gradient } = valueAndGradient(({ x, bias, up, down, mask }: NamedTensors) => {
    const wide = add(matMul(x as never, up as Tensor, false, true), bias as Tensor);
    const active = mul(wide, sigmoid(mul(wide, 1.702)));
    const y = matMul(active as never, down as Tensor, false, true) as Tensor;
    const shares = softmax(add(reshape(y, [8, 8, 40]), mask as Tensor));
    return { loss: sum(square(shares)) };
  }, given as never);
  return { ...(gradient as NamedTensors), loss: value };
};

describe.skipIf(!hasOwnOperations)("clip-ts's own operations", () => {
  test("fused rows and transposed weights give what single operations give", async () => {
    const inputs = random(shapes);
    const graph = optimize(trace(trained, inputs as never));
    const [actual, expected] = await both(graph, inputs);
    for (const [name, { data, shape }] of Object.entries(expected)) {
      expect(actual[name]?.shape).toEqual(shape);
      const error = relativeError(actual[name]?.data as Float32Array, data as Float32Array, 1e-6);
      expect(error, name).toBeLessThan(2e-5);
    }
    const lasting = ["up", "down", "bias"];
    const [kept] = await both(graph, inputs, { lasting });
    for (const [name, { data }] of Object.entries(actual)) {
      const error = relativeError(kept[name]?.data as Float32Array, data as Float32Array, 1e-6);
      expect(error, name).toBeLessThan(2e-5);
    }
    dispose(inputs);
  });

  test("operands in bfloat16 are read as they are", async () => {
    const inputs = random(shapes);
    const graph = optimize(trace(trained, inputs as never));
    const plain = await compileTensorflow(graph, { folders, precision: "bf16" });
    const expected = await plain.run(await hostOf(inputs));
    await plain.dispose();
    const [actual] = await both(graph, inputs, { precision: "bf16" });
    for (const [name, { data }] of Object.entries(expected)) {
      const error = relativeError(actual[name]?.data as Float32Array, data as Float32Array, 1e-3);
      expect(error, name).toBeLessThan(2e-2);
    }
    dispose(inputs);
  });

  test.skipIf(!hasOwnGemm)("own GEMM of matrices that lie either way", async () => {
    const inputs = random({ x: [131, 37], y: [70, 37], z: [131, 70] });
    const graph = optimize(
      trace(
        ({ x, y, z }) => ({
          straight: matMul(z as Tensor, y as Tensor),
          right: matMul(x as Tensor, y as Tensor, false, true),
          left: matMul(z as Tensor, x as Tensor, true, false),
          transposed: matMul(z as Tensor, matMul(y as Tensor, x as Tensor, false, true), true, true),
        }),
        inputs as never,
      ),
    );
    for (const [precision, tolerance] of [
      ["f32", 2e-5],
      ["bf16", 2e-2],
    ] as const) {
      // What stays in TensorFlow is packed once, where it is a right operand that is transposed.
      for (const lasting of [[], ["y"]]) {
        const options = { hasOwnGemm: true, precision, lasting };
        const [actual, expected] = await both(graph, inputs, options);
        for (const [name, { data }] of Object.entries(expected)) {
          const error = relativeError(actual[name]?.data as Float32Array, data as Float32Array, 1);
          expect(error, `${name} ${precision} ${lasting.join()}`).toBeLessThan(tolerance);
        }
      }
    }
    dispose(inputs);
  });

  test("open sizes, two of them in one shape", async () => {
    const graph = optimize(
      traceSymbolic(
        ({ x, gamma }) => {
          const scaled = add(square(x as Tensor), gamma as Tensor);
          return { y: mul(scaled, sum(scaled, -1, true)), columns: sum(scaled, [0, 1]) };
        },
        { x: { shape: ["batch", "tokens", 24] }, gamma: { shape: [24] } },
      ),
    );
    const compiled = await compileTensorflow(graph, { folders, hasOwnOperations: true });
    for (const [batch, tokens] of [
      [3, 5],
      [1, 2],
    ] as const) {
      const inputs = random({ x: [batch, tokens, 24], gamma: [24] });
      const actual = await compiled.run(await hostOf(inputs));
      const scaled = add(square(inputs["x"] as Tensor), inputs["gamma"] as Tensor);
      const y = await mul(scaled, sum(scaled, -1, true)).data();
      expect(actual["y"]?.shape).toEqual([batch, tokens, 24]);
      expect(largestDifference(actual["y"]?.data as Float32Array, y)).toBeLessThan(1e-3);
      const columns = await sum(scaled, [0, 1]).data();
      expect(largestDifference(actual["columns"]?.data as Float32Array, columns)).toBeLessThan(1e-4);
    }
    await compiled.dispose();
  });

  test("extremes: infinite, not a number, out of the range of e^x", async () => {
    // TensorFlow takes numbers below 1e-38 for zero.
    const edges = [0, -0, 1, -1, 88, 89, -87, -88, -104, 1e30, -1e30, Infinity, -Infinity, NaN, 1e-37, 20];
    const x = tensor(Array.from({ length: 16 }, () => edges).flat(), [16, 16]);
    const graph = trace(
      ({ x: given }) => {
        const half = mul(given as Tensor, 0.5);
        return { exp: exp(half), sigmoid: sigmoid(half), relu: relu(half), half };
      },
      { x: { shape: [16, 16] } },
    );
    const [actual, expected] = await both(graph, { x });
    for (const [name, { data }] of Object.entries(expected)) {
      data.forEach((wanted, at) => {
        const got = actual[name]?.data[at] as number;
        const where = `${name} of ${edges[at % 16]! / 2}`;
        if (Number.isNaN(wanted)) expect(got, where).toBeNaN();
        else if (!Number.isFinite(wanted) || wanted === 0) expect(got, where).toBeCloseTo(wanted, 30);
        else expect(Math.abs(got / wanted - 1), where).toBeLessThan(3e-7);
      });
    }
    dispose(x);
  });

  test("rows that are masked out have a share of nothing, like anywhere", async () => {
    const x = randomTensor([32, 16], "scores");
    const mask = tensor(Array.from({ length: 16 }, (_, at) => (at < 4 ? 0 : -Infinity)));
    const graph = trace((given) => ({ y: softmax(add(given["x"] as Tensor, given["mask"] as Tensor)) }), {
      x: { shape: [32, 16] },
      mask: { shape: [16] },
    });
    const [{ y }, expected] = await both(graph, { x, mask });
    expect(largestDifference(y?.data as Float32Array, expected["y"]!.data as never)).toBeLessThan(1e-6);
    expect([...(y?.data ?? [])].filter((share) => share === 0)).toHaveLength(32 * 12);
    dispose([x, mask]);
  });

  test("a state that is written anew is rounded anew", async () => {
    const graph = trace(
      ({ w, x, scale }) => {
        const y = matMul(x as never, w as Tensor, false, true) as Tensor;
        return { y, next: sub(w as Tensor, mul(w as Tensor, scale as Tensor)) };
      },
      { w: { shape: [16, 16] }, x: { shape: [16, 16] }, scale: { shape: [] } },
    );
    const spec = { w: { shape: [16, 16] } };
    const entryPoints = { run: { graph } };
    const program = await createTensorflowModule(
      { state: spec, entryPoints, precision: "bf16", hasOwnOperations: true },
      folders,
    );
    const eye = Float32Array.from({ length: 256 }, (_, at) => (at % 17 === 0 ? 1 : 0));
    const scale = { data: Float32Array.of(0), shape: [] };
    for (const factor of [1, 2]) {
      const w = { data: eye.map((value) => value * factor), shape: [16, 16] };
      await program.writeState({ w });
      const { y } = await program.run("run", { x: { data: eye, shape: [16, 16] }, scale });
      expect([...(y?.data ?? [])]).toEqual([...w.data]);
    }
    await program.dispose();
  });
});
