import { ClipError, type RandomStream } from "@clip-ts/base";
import type { Texts } from "../shards/shard-set.ts";

/** Names of texts, each with the chance that it is the caption where a sample has all of them. */
export type CaptionChoice = Readonly<Record<string, number>>;

/** Names under which captions are commonly found, the first that a sample has counts. */
export const usualCaptions: readonly string[] = [
  "txt",
  "text",
  "caption",
  "json.caption",
  "json.text",
  "title",
  "TEXT",
];

function checkChances(choice: CaptionChoice): void {
  const entries = Object.entries(choice);
  const isChance = (chance: number): boolean => chance > 0 && Number.isFinite(chance);
  if (entries.length > 0 && entries.every(([, chance]) => isChance(chance))) return;
  throw new ClipError(
    "bad-config",
    'captions: expected names of texts with chances above 0, such as { "txt": 0.5, "json.alt": 0.5 }, ' +
      `got ${JSON.stringify(choice)}`,
    { data: { choice } },
  );
}

/**
 * The caption of a sample: one of the chosen names that it has (by their chances, those that it lacks left
 * out), or without a choice the first usual one. Takes one number off the stream, whatever it has. Undefined
 * if it has none, or only empty ones.
 */
export function chooseCaption(
  texts: Texts,
  choice: CaptionChoice | undefined,
  random: RandomStream,
): string | undefined {
  const drawn = random.uniform();
  const has = (name: string): boolean => Object.hasOwn(texts, name) && texts[name]?.trim() !== "";
  if (choice === undefined) {
    const name = usualCaptions.find(has);
    return name === undefined ? undefined : texts[name];
  }
  checkChances(choice);
  const there = Object.entries(choice).filter(([name]) => has(name));
  let left = drawn * there.reduce((sum, [, chance]) => sum + chance, 0);
  for (const [name, chance] of there) {
    left -= chance;
    if (left < 0) return texts[name];
  }
  const last = there.at(-1)?.[0];
  return last === undefined ? undefined : texts[last];
}
