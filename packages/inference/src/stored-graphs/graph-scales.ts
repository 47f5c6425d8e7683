import { joinInputs } from "@clip-ts/image";
import { lossOf, type ClipConfig, type Embedder } from "@clip-ts/model";
import type { OpenedGraph } from "@clip-ts/onnx";
import { smallestImage } from "./graph-images.ts";
import type { GraphSettings } from "./graph-settings.ts";

/** What an embedder knows of its model beside the towers. */
export type Scales = Pick<Embedder, "logitScale" | "logitBias">;

/** What `config.json` says of the scales, if it does. */
export function scalesIn({ logit_scale: logitScale, logit_bias: logitBias }: GraphSettings): Scales | undefined {
  if (logitScale === undefined) return undefined;
  return { logitScale, ...(logitBias !== undefined && { logitBias }) };
}

/** Factor on and summand to x that give y, by least squares; the summand is 0 unless it is wanted. */
function line(x: readonly number[], y: readonly number[], hasSummand: boolean): { factor: number; summand: number } {
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [centreX, centreY] = hasSummand ? [mean(x), mean(y)] : [0, 0];
  const of = (a: readonly number[], b: readonly number[], [ca, cb]: readonly [number, number]): number =>
    a.reduce((sum, value, at) => sum + (value - ca) * ((b[at] ?? 0) - cb), 0);
  const factor = of(x, y, [centreX, centreY]) / of(x, x, [centreX, centreX]);
  return { factor, summand: centreY - factor * centreX };
}

const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (p: Float32Array, q: Float32Array): number => p.reduce((sum, value, at) => sum + value * (q[at] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

/**
 * Asks the whole model's graph for the logits of two images with two captions, and reads off what it multiplies cosines
 * by and adds to them; undefined for a graph that gives no logits.
 */
export async function measureScales(
  run: (pixels: Float32Array, ids: Int32Array) => ReturnType<OpenedGraph["run"]>,
  config: ClipConfig,
): Promise<Scales | undefined> {
  const { contextLength, endTokenId, padTokenId, vocabSize } = config.text;
  const [first, second] = [0, 1].map((row) => smallestImage(config, (at) => Math.sin((at + 100 * row) ** 2 * 0.7)));
  const pixels = joinInputs([first!, second!]);
  const ids = new Int32Array(2 * contextLength).fill(padTokenId);
  for (const [row, length] of [3, 4].entries()) {
    for (let at = 0; at < length; at++) ids[row * contextLength + at] = (7 + 11 * row + 5 * at) % vocabSize;
    ids[row * contextLength + length] = endTokenId;
  }
  const { logits_per_image: logits, image_embeds: images, text_embeds: texts } = await run(pixels, ids);
  if (logits === undefined || images === undefined || texts === undefined) return undefined;
  const rowOf = ({ data }: { data: Float32Array }, row: number): Float32Array =>
    data.subarray((row * data.length) / 2, ((row + 1) * data.length) / 2);
  const cosines = [0, 1].flatMap((image) => [0, 1].map((text) => cosine(rowOf(images, image), rowOf(texts, text))));
  const isSigmoid = lossOf(config).kind === "sigmoid";
  const { factor, summand } = line(cosines, Array.from(logits.data), isSigmoid);
  return { logitScale: Math.log(factor), ...(isSigmoid && { logitBias: summand }) };
}
