import { existsSync } from "node:fs";
import { join } from "node:path";
import { countParams } from "@clip-ts/core";
import { describePreprocess, lostPreprocess, type PreprocessConfig } from "@clip-ts/image";
import { clipSpec, type ClipConfig } from "@clip-ts/model";
import { textTower } from "@clip-ts/text-encoder";
import { visionKind, visionTower } from "@clip-ts/vision-encoder";
import { modelFiles } from "../models/model-files.ts";
import type { ModelFacts } from "../models/read-description.ts";

/** What a model card says beside the model's own facts. */
export interface CardOptions {
  /** `owner/name` on the hub. */
  readonly repository: string;
  /** SPDX-like id that the hub knows, such as mit; nothing is claimed without one. */
  readonly license?: string;
}

/** Which libraries open the folder. */
function librariesOf(folder: string, config?: ClipConfig): readonly string[] {
  const has = (name: string): boolean => existsSync(join(folder, name));
  const isOwn = config !== undefined && visionKind(config.vision) === "resnet";
  const isTransformers = has(modelFiles.config) && !isOwn;
  return [
    "clip-ts",
    ...(isTransformers ? ["transformers"] : []),
    ...(has(modelFiles.openClipConfig) ? ["open_clip"] : []),
  ];
}

/**
 * What the libraries that open a folder do otherwise with pictures than clip-ts does, a sentence each; none if
 * nothing. `config` tells libraries better than file names.
 */
export function lostElsewhere(
  folder: string,
  preprocess: PreprocessConfig,
  config?: ClipConfig,
): string[] {
  const libraries = new Set(librariesOf(folder, config));
  const readers = (["transformers", "open_clip"] as const).filter((name) => libraries.has(name));
  if (readers.length === 0) return lostPreprocess(preprocess, "others");
  return readers.flatMap((reader) => lostPreprocess(preprocess, reader));
}

function describeVision({ vision }: ClipConfig): string {
  const image = `${vision.imageSize}×${vision.imageSize} pixels`;
  return `${visionTower(vision).describe(vision)}, ${image}`;
}

function describeText({ text }: ClipConfig): string {
  const { layers, width, heads, contextLength, vocabSize } = text;
  return (
    `${textTower(text).title}, ${layers} layers, width ${width}, ${heads} heads, ` +
    `${contextLength} tokens of ${vocabSize}`
  );
}

function describeLost(folder: string, { config, preprocess }: ModelFacts): string {
  const sentences = lostElsewhere(folder, preprocess, config);
  if (sentences.length === 0) return "";
  return `\nPictures are prepared otherwise elsewhere:\n\n${sentences.map((line) => `- ${line}\n`).join("")}`;
}

/** The `README.md` of a model's repository: the hub's metadata, facts, and how it is used. */
export function modelCard(folder: string, facts: ModelFacts, options: CardOptions): string {
  const { config } = facts;
  const [library, ...others] = librariesOf(folder, config);
  const count = countParams(clipSpec(config)).toLocaleString("en");
  const metadata = [
    `library_name: ${library}`,
    "pipeline_tag: zero-shot-image-classification",
    ...(options.license === undefined ? [] : [`license: ${options.license}`]),
    "tags:",
    ...["clip", "contrastive", ...others].map((tag) => `- ${tag}`),
  ];
  return `---
${metadata.join("\n")}
---

# ${options.repository.split("/").at(-1)}

A model that puts images and texts into one space of ${config.projectionDim} dimensions, trained or converted with clip-ts.

| part | |
|---|---|
| parameters | ${count} |
| vision tower | ${describeVision(config)} |
| text tower | ${describeText(config)} |
| images | ${describePreprocess(facts.preprocess)} |
${describeLost(folder, facts)}
\`\`\`sh
npx @clip-ts/trainer classify hf:${options.repository} photo.jpg --labels cat,dog
\`\`\`

\`\`\`ts
import { openClip } from "@clip-ts/node";

const clip = await openClip("hf:${options.repository}");
console.log(await clip.classify("photo.jpg", ["cat", "dog"]));
\`\`\`
`;
}
