import { add, square, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { onnxTarget } from "@clip-ts/onnx";
import { trainOn, type TrainingSpec } from "@clip-ts/test-utils";
import { tensorflowLoader } from "./load-tensorflow.ts";
import { compileTensorflow, createTensorflowModule } from "./tensorflow-module.ts";
import { folders, hasTensorflow } from "./tensorflow-here.test.ts";
import { flatLoader, interpretTarget, loadEager, trace } from "@clip-ts/jit";

const x = { data: Float32Array.of(1, 2), shape: [2] };
const graph = trace(({ x: given }) => ({ y: add(given, given) }), { x });

const spec: TrainingSpec = {
  params: { w: x },
  leaves: { w: { rate: 1 } },
  slots: [],
  gradient: ({ w }) => ({
    loss: sum(square(w as Tensor)),
    metrics: {},
    grads: { w: add(w as Tensor, w as Tensor) },
  }),
  update: ({ param, grad }) => [sub(param, grad)],
};

const targets = {
  interpreted: interpretTarget,
  onnx: onnxTarget({ runtime, threads: 1 }),
  ...(hasTensorflow && {
    tensorflow: (given: typeof graph) => compileTensorflow(given, { folders }),
    "tensorflow with state": (given: typeof graph) => compileTensorflow(given, { folders, lasting: ["x"] }),
  }),
};

describe.each(Object.entries(targets))("a disposed graph (%s)", (_name, target) => {
  test("says so and what to do, however often it is disposed", async () => {
    const compiled = await target(graph);
    expect(Array.from((await compiled.run({ x }))["y"]!.data)).toEqual([2, 4]);
    await compiled.dispose();
    await compiled.dispose();
    const error = {
      code: "disposed",
      message: expect.stringMatching(/compiled graph was disposed.*Compile/u),
    };
    await expect(compiled.run({ x })).rejects.toMatchObject(error);
  });
});

const programs = {
  interpreted: () => trainOn(flatLoader(interpretTarget), spec),
  eager: () => trainOn(loadEager, spec),
  ...(hasTensorflow && { tensorflow: () => trainOn(tensorflowLoader({ folders }), spec) }),
};

test.each(Object.entries(programs))("a disposed training says so (%s)", async (_name, compile) => {
  const program = await compile();
  await program.dispose();
  for (const use of [program.run({ x }, {}), program.readState(), program.writeState({})]) {
    await expect(use).rejects.toMatchObject({
      code: "disposed",
      message: expect.stringMatching(/training program was disposed/u),
    });
  }
});

test.skipIf(!hasTensorflow)("a disposed TensorFlow program says so", async () => {
  const program = await createTensorflowModule({ entryPoints: { run: { graph } } }, folders);
  await program.dispose();
  await expect(program.run("run", { x })).rejects.toThrow(/TensorFlow program was disposed/u);
  await expect(program.readState()).rejects.toMatchObject({ code: "disposed" });
});
