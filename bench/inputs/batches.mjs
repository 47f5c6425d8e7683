// @ts-check
import { randomStream, sidesOf } from "@clip-ts/base";
import { needTokenizer } from "@clip-ts/inference";
import { writeArrays } from "./arrays.mjs";
import { captionIds } from "./captions.mjs";

/**
 * Writes `pixel_values.N` (standard normal, as normalised photographs roughly are) and `input_ids.N`.
 * @param {string} path
 * @param {import("@clip-ts/inference").ModelDescription} description
 * @param {{ batches: number, rows: number, tokens: number, captions?: readonly string[] }} wanted captions for all
 *   rows, or as `captionIds` draws them
 * @returns {Promise<{ meanLength: number }>} tokens of a caption on average, start and end included
 */
export async function writeBatches(path, description, { batches, rows, tokens, captions }) {
  const { channels, imageSize } = description.config.vision;
  const { height, width } = sidesOf(imageSize);
  const tokenizer = needTokenizer(description);
  const random = randomStream(0, "pixels");
  /** @type {Record<string, import("./arrays.mjs").NamedArray>} */
  const arrays = {};
  /** @type {number[]} */
  const lengths = [];
  for (let index = 0; index < batches; index++) {
    const shape = [rows, channels, height, width];
    const size = shape.reduce((product, side) => product * side, 1);
    const data = Float32Array.from({ length: size }, () => random.normal());
    const own = captions?.slice(index * rows, (index + 1) * rows);
    const ids = own ? tokenizer.encodeBatch(own, { tokens }) : captionIds(tokenizer, { rows, tokens, seed: index });
    lengths.push(...ids.lengths);
    arrays[`pixel_values.${index}`] = { data, shape };
    arrays[`input_ids.${index}`] = { data: ids.inputIds, shape: [rows, ids.tokens] };
  }
  await writeArrays(path, arrays);
  return { meanLength: lengths.reduce((sum, length) => sum + length, 0) / lengths.length };
}
