import { largestDifference } from "@clip-ts/test-utils";
import { describe, expect, test } from "vitest";
import { type HostArray, optimize, traceSymbolic } from "@clip-ts/jit";
import { openSizes, symbolicCases, symbolicInputs } from "../../jit/src/trace/symbolic-cases.test.ts";
import { compileTensorflow } from "./tensorflow-module.ts";
import { folders, hasTensorflow } from "./tensorflow-here.test.ts";
import { writeSavedModel } from "./write-saved-model.ts";

test("open sides are -1 in a signature", () => {
  const graph = traceSymbolic(({ x }) => ({ y: x!.clone() }), {
    x: { shape: ["batch", 3, "tokens"] },
  });
  const { signatures } = writeSavedModel({ entryPoints: { run: { graph } } });
  expect(signatures["run"]?.inputs["x"]?.shape).toEqual([-1, 3, -1]);
  expect(signatures["run"]?.outputs["y"]?.shape).toEqual([-1, 3, -1]);
});

test("a parameter of two entry points is stored once", () => {
  const weights = { data: new Float32Array(4096).fill(1.5), shape: [64, 64] };
  const value = { id: 0, shape: [64, 64], dtype: "float32" } as const;
  const graph = {
    inputs: [],
    constants: [{ value, data: weights.data }],
    nodes: [],
    outputs: [{ name: "y", value }],
  };
  const once = writeSavedModel({ entryPoints: { one: { graph } } }).bytes.length;
  const twice = writeSavedModel({ entryPoints: { one: { graph }, two: { graph } } }).bytes.length;
  expect(once).toBeGreaterThan(16_384);
  expect(twice - once).toBeLessThan(300);
});

describe.skipIf(!hasTensorflow)("in TensorFlow", () => {
  test.each(Object.entries(symbolicCases))("%s fits every size", async (_, run) => {
    const graph = optimize(traceSymbolic(run, symbolicInputs, { atMost: { tokens: 12 } }));
    const compiled = await compileTensorflow(graph, { folders });
    for (const inputs of openSizes()) {
      const arrays = Object.entries(inputs).map(([name, x]) => {
        return [name, { data: x.dataSync() as Float32Array, shape: x.shape }] as const;
      });
      const results = await compiled.run(Object.fromEntries(arrays));
      for (const [name, expected] of Object.entries(run(inputs))) {
        const actual = results[name] as HostArray;
        expect(actual.shape, name).toEqual(expected.shape);
        const difference = largestDifference(actual.data as Float32Array, expected.dataSync());
        expect(difference, name).toBeLessThan(1e-5);
      }
    }
    await compiled.dispose();
  });
});
