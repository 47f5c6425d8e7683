import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { mul, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { flatLoader } from "./flat-program.ts";
import { interpretTarget } from "./target.ts";
import { trainOn, type TrainingOnEngine } from "@clip-ts/test-utils";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function start(): Promise<{ program: TrainingOnEngine; given: WeakRef<Float32Array> }> {
  const data = new Float32Array(100_000).fill(1);
  const program = await trainOn(flatLoader(interpretTarget), {
    params: { w: { data, shape: [100_000] } },
    leaves: { w: {} },
    slots: [],
    gradient: ({ w }, { x }) => ({
      loss: sum(mul(w as Tensor, x as Tensor)),
      grads: { w: mul(w as Tensor, x as Tensor) },
    }),
    update: ({ param, grad }) => [sub(param, grad)],
  });
  return { program, given: new WeakRef(data) };
}

test("a program keeps its own parameters, not those it was started with", async () => {
  const { program, given } = await start();
  const x = { data: Float32Array.of(0.5), shape: [1] };
  await program.run({ x }, {});
  await new Promise((resolve) => setTimeout(resolve, 0)); // what was looked at lives until then
  collectGarbage();
  expect(given.deref()).toBeUndefined();
  const { params } = await program.readState();
  expect(params["w"]?.data[7]).toBe(0.5);
  await program.dispose();
});
