// @ts-check
import { readFileSync } from "node:fs";
import { randomStream, shuffled } from "@clip-ts/base";
import { fillTemplate, openaiTemplates } from "@clip-ts/model";

/**
 * @typedef {import("@clip-ts/tokenizer").Tokenizer} Tokenizer
 * @typedef {import("@clip-ts/tokenizer").TokenBatch} TokenBatch
 */

/** English names of things that can be seen. */
function names() {
  const path = new URL(import.meta.resolve("emojibase-data/en/data.json"));
  /** @type {{ label: string }[]} */
  const records = JSON.parse(readFileSync(path, "utf8"));
  return records.map(({ label }) => label);
}

/**
 * Captions as people write them for CLIP: OpenAI's 80 templates around the names of emoji, no two alike,
 * the same for the same seed.
 * @param {number} count at most some 150,000
 * @param {number} [seed]
 */
export function drawCaptions(count, seed = 0) {
  const [things, templates] = [names(), openaiTemplates];
  const places = Array.from({ length: things.length * templates.length }, (_, place) => place);
  const order = shuffled(places, randomStream(seed, "captions"));
  return order
    .slice(0, count)
    .map((place) =>
      fillTemplate(templates[place % templates.length] ?? "", things[Math.floor(place / templates.length)] ?? ""),
    );
}

/**
 * Rows of exactly `tokens` ids. Captions that just fit, as in a bucket of real captions, whose lengths
 * are 12 tokens on average for 16; where the width is all the model can read, texts that fill it.
 * @param {Tokenizer} tokenizer
 * @param {{ rows: number, tokens: number, seed: number }} wanted
 * @returns {TokenBatch}
 */
export function captionIds(tokenizer, { rows, tokens, seed }) {
  const candidates = drawCaptions(40 * rows, seed);
  if (tokens < tokenizer.contextLength) {
    const fitting = candidates.filter((caption) => {
      const { length } = tokenizer.encode(caption);
      return length <= tokens && length > 0.6 * tokens;
    });
    return tokenizer.encodeBatch(fitting.slice(0, rows), { tokens });
  }
  const perRow = Math.floor(candidates.length / rows);
  const long = Array.from({ length: rows }, (_, row) => candidates.slice(row * perRow, (row + 1) * perRow).join(" "));
  return tokenizer.encodeBatch(long);
}
