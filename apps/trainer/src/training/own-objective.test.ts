import { flattenTree } from "@clip-ts/core";
import { compileTraining, interpretTarget, type HostArrays } from "@clip-ts/jit";
import {
  contrastive,
  initClip,
  preset,
  type ClipParams,
  type Objective,
  type PairInputs,
  type PairRows,
} from "@clip-ts/model";
import { randomTensor, relativeError } from "@clip-ts/test-utils";
import { add, mean, mul, sqrt, square, sub, sum, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { configOf } from "./run-here.test.ts";
import { givenTensors, lazyTensors } from "./step-batch.ts";
import { createStepGradient } from "./step-gradient.ts";
import { planTraining } from "./training-plan.ts";

type OwnRows = PairRows & { readonly apart: Tensor };

const clip = preset("nano");
const matching = contrastive(clip);

/** Each pair has a term of its own, as a caption's loss is one: how far its two features lie apart. */
const own: Objective<ClipParams, PairInputs, OwnRows> = {
  ...matching,
  encode(params, batch, options) {
    const { rows, statistics } = matching.encode(params, batch, options);
    const apart = sqrt(sum(square(sub(rows.image, rows.text)), 1));
    return { rows: { ...rows, apart }, statistics };
  },
  compare(params, rows) {
    const { loss, metrics } = matching.compare(params, rows, {});
    const term = mean(rows.apart);
    return { loss: add(loss, mul(term, 2)), metrics: { ...metrics, term: term.clone() } };
  },
};

const pixels = randomTensor([6, 3, 8, 8], "pixels");
const captions = Array.from({ length: 6 }, (_, row) => [598, 10 + row, 20 + (row % 2), 599]);
const ids = tensor(captions, [6, 4], "int32");

const arrayOf = (x: Tensor, start: number, end: number): HostArrays[string] => {
  const size = x.size / 6;
  const data = x.dataSync<"float32" | "int32">().slice(start * size, end * size);
  return { data, shape: [end - start, ...x.shape.slice(1)] };
};
const rowsAt = (start: number, end: number, prefix = ""): HostArrays => ({
  [`${prefix}pixelValues`]: arrayOf(pixels, start, end),
  [`${prefix}inputIds`]: arrayOf(ids, start, end),
});
const whole = rowsAt(0, 6);
const split = { ...rowsAt(0, 2, "0/"), ...rowsAt(2, 4, "1/"), ...rowsAt(4, 6, "2/") };

const plan = planTraining(configOf("own", {}).training, clip);
const gradient = createStepGradient(own, plan, { checkpoint: false });
const params = flattenTree<Tensor>(initClip(clip, 3));

test("a term of each pair's own passes through gradient caching", async () => {
  const [once, inParts] = [whole, split].map((batch) => gradient.of(params, lazyTensors(batch)));
  expect((await once!.metrics["term"]!.data())[0]).toBeGreaterThan(1);
  expect(relativeError(await inParts!.loss.data(), await once!.loss.data())).toBeLessThan(1e-6);
  for (const [path, leaf] of Object.entries(once!.grads)) {
    const error = relativeError(await inParts!.grads[path]!.data(), await leaf.data(), 1e-3);
    expect(error, path).toBeLessThan(1e-4);
  }
});

test("and through the compiled loop over micro-batches", async () => {
  const steps = await Promise.all(
    [whole, split].map(async (batch) => {
      const program = await compileTraining(
        {
          params: Object.fromEntries(
            Object.entries(params).map(([path, leaf]) => [
              path,
              { data: leaf.dataSync<"float32">().slice(), shape: leaf.shape },
            ]),
          ),
          leaves: Object.fromEntries(Object.keys(params).map((path) => [path, {}])),
          slots: [],
          gradient: (leaves, given) => gradient.of(leaves, givenTensors(given)),
          accumulated: gradient.parts,
          update: (leaf) => [sub(leaf.param, mul(leaf.grad, 0.1))],
        },
        interpretTarget,
      );
      const numbers = await program.run(batch, {});
      const { params: after } = await program.readState();
      return { numbers, scale: after["logit_scale"]!.data[0]! };
    }),
  );
  const [once, inParts] = steps;
  expect(inParts!.numbers["term"]).toBeCloseTo(once!.numbers["term"]!, 5);
  expect(inParts!.numbers["loss"]! / once!.numbers["loss"]!).toBeCloseTo(1, 6);
  expect(inParts!.numbers["gradNorm"]! / once!.numbers["gradNorm"]!).toBeCloseTo(1, 5);
  expect(inParts!.scale).toBeCloseTo(once!.scale, 6);
});
