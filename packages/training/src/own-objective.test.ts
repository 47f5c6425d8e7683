import { toHost, type HostArrays } from "@clip-ts/core";
import { flatLoader, interpretTarget, loadEager, type LoadProgram } from "@clip-ts/jit";
import {
  clipSpec,
  contrastive,
  preset,
  type ClipParams,
  type Objective,
  type PairInputs,
  type PairRows,
} from "@clip-ts/model";
import { randomTensor } from "@clip-ts/test-utils";
import { add, mean, mul, sqrt, square, sub, sum, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { createTraining } from "./create-training.ts";

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

const captions = Array.from({ length: 6 }, (_, row) => [598, 10 + row, 20 + (row % 2), 599]);

async function batch(): Promise<HostArrays> {
  return {
    pixelValues: await toHost(randomTensor([6, 3, 8, 8], "pixels")),
    inputIds: await toHost(tensor(captions, [6, 4], "int32")),
  };
}

const engines: Readonly<Record<string, LoadProgram>> = {
  eager: loadEager,
  compiled: flatLoader(interpretTarget),
};

test.each(Object.entries(engines))(
  "a term of each pair's own passes through gradient caching (%s)",
  async (_name, load) => {
    const steps = [1, 3].map(async (accumulate) => {
      const training = await createTraining({
        objective: own,
        spec: clipSpec(clip),
        seed: 3,
        optimizer: { kind: "sgd", momentum: 0 },
        schedule: { kind: "constant", learningRate: 0.1, warmupSteps: 0, steps: 2 },
        accumulate,
        engine: { load },
      });
      const numbers = [await training.step(await batch()), await training.step(await batch())];
      const { params } = await training.read();
      await training.dispose();
      return { numbers, scale: params["logit_scale"]!.data[0]! };
    });
    const [once, inParts] = await Promise.all(steps);
    expect(once!.numbers[0]!["term"]).toBeGreaterThan(1);
    for (const [step, numbers] of once!.numbers.entries()) {
      const other = inParts!.numbers[step]!;
      expect(other["term"]).toBeCloseTo(numbers["term"]!, 5);
      expect(other.loss / numbers.loss).toBeCloseTo(1, 5);
      expect(other.gradNorm / numbers.gradNorm).toBeCloseTo(1, 4);
    }
    expect(inParts!.scale).toBeCloseTo(once!.scale, 6);
  },
);
