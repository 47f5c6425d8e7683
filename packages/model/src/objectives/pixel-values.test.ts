import { randomTensor, refusalOf, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import { add, dispose, mul, round, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { forwardDetails } from "../forward.ts";
import { preset } from "../presets.ts";
import { initClip } from "../spec.ts";
import { normalizedPixels } from "./pixel-values.ts";

afterAll(() => useEngine("cpu"));

const [mean, std] = [
  [0.48145466, 0.4578275, 0.40821073],
  [0.26862954, 0.26130258, 0.27577711],
];
const statistics = (): Record<"pixelMean" | "pixelStd", Tensor> => ({
  pixelMean: tensor([mean, mean]),
  pixelStd: tensor([std, std]),
});

/** Two pictures of every byte in every channel. */
const everyByte = Float32Array.from({ length: 2 * 3 * 256 }, (_, at) => at % 256);

/** Each step rounded to float32, as torchvision's ToTensor and Normalize do. */
function expectedValues(): Float32Array {
  const { fround } = Math;
  return everyByte.map((byte, at) => {
    const channel = Math.floor(at / 256) % 3;
    return fround(fround(byte / 255) - fround(mean[channel]!)) / fround(std[channel]!);
  });
}

test.each(["cpu", "wasm"] as const)("every byte becomes torchvision's float32 number on %s", async (engine) => {
  await useEngine(engine);
  const left = await tensorsLeftBy(async () => {
    const batch = { pixelValues: tensor(everyByte, [2, 3, 16, 16]), ...statistics() };
    const values = tidy(() => normalizedPixels(batch));
    expect(values.shape).toEqual([2, 3, 16, 16]);
    expect(await values.data()).toEqual(expectedValues());
    dispose({ ...batch, values });
  });
  expect(left).toBe(0);
});

test("pixels without mean and deviation are taken as they are; one of both is refused", () => {
  const pixelValues = tensor(everyByte, [2, 3, 16, 16]);
  const { pixelMean, pixelStd } = statistics();
  expect(normalizedPixels({ pixelValues })).toBe(pixelValues);
  expect(refusalOf(() => normalizedPixels({ pixelValues, pixelMean })).message).toMatch(
    /"pixelMean" but no "pixelStd"/u,
  );
  expect(refusalOf(() => normalizedPixels({ pixelValues, pixelStd })).message).toMatch(
    /"pixelStd" but no "pixelMean"/u,
  );
  dispose({ pixelValues, pixelMean, pixelStd });
});

test("a pass through the model normalises as its training does", async () => {
  const config = preset("nano");
  const params = initClip(config, 1);
  const pixelValues = tidy(() => round(add(mul(randomTensor([2, 3, 8, 8], 1), 40), 128)));
  const batch = { pixelValues, ...statistics() };
  const outputs = tidy(() => {
    const own = forwardDetails(params, batch, config).imageFeatures!;
    return [own, forwardDetails(params, { pixelValues: normalizedPixels(batch) }, config).imageFeatures!];
  });
  const [own, expected] = await Promise.all(outputs.map((each) => each.data()));
  expect(own).toEqual(expected);
  dispose([outputs, batch, params] as never);
});
