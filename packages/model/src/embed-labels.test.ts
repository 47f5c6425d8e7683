import { expect, test } from "vitest";
import { createClip } from "./clip.ts";
import { embedLabels } from "./classification.ts";
import { preset } from "./presets.ts";
import { initClip } from "./spec.ts";
import { openaiTemplates } from "./templates/openai-templates.ts";
import { averagePrompts, promptsFor, simpleTemplates } from "./zero-shot.ts";

const config = preset("nano");

/** Ids that depend on every letter; only their being different matters here. */
function tokenize(texts: readonly string[]) {
  const { contextLength: tokens, endTokenId } = config.text;
  const rows = texts.map((text) => {
    const ids = Array.from({ length: tokens - 1 }, (_, at) => text.charCodeAt(at * 3) % 500 || 0);
    return [...ids, endTokenId];
  });
  return { inputIds: Int32Array.from(rows.flat()), batch: texts.length, tokens };
}

test("thousands of prompts, embedded in groups, give what all at once would", async () => {
  const clip = await createClip<never>({
    config,
    model: initClip(config, 7),
    tokenize,
    preprocess: (image) => image,
  });
  const labels = Array.from({ length: 14 }, (_, index) => `label ${index * 37}`);
  const inGroups = await embedLabels(clip, labels, openaiTemplates);
  const prompts = await clip.embedTexts(promptsFor(labels, openaiTemplates));
  expect(inGroups).toEqual(averagePrompts(prompts, openaiTemplates.length));
  clip.dispose();
});

test("the template sets are OpenAI's: 80 and 7, each with one place for the label", () => {
  expect([openaiTemplates.length, simpleTemplates.length]).toEqual([80, 7]);
  for (const template of [...openaiTemplates, ...simpleTemplates]) {
    expect(template.split("{}").length, template).toBe(2);
  }
  expect(new Set(openaiTemplates).size).toBe(80);
});
