import { existsSync } from "node:fs";
import { join } from "node:path";
import { countParams } from "@clip-ts/core";
import { describePreprocess, lostPreprocess, type Preprocessing } from "@clip-ts/image";
import { clipSpec, formatClipConfig, type ClipConfig } from "@clip-ts/model";
import { textTower } from "@clip-ts/text-encoder";
import { hasOpenSide, pixelForm, visionTower } from "@clip-ts/vision-encoder";
import { modelFiles, selfCheckFile, sidesOf } from "@clip-ts/base";
import type { ModelFacts } from "@clip-ts/inference";

/** What a model card says beside the model's own facts. */
export interface CardOptions {
  /** `owner/name` on the hub. */
  readonly repository: string;
  /** SPDX-like id that the hub knows, such as mit; nothing is claimed without one. */
  readonly license?: string;
  /** Whether its proof lies beside it. */
  readonly isProved?: boolean;
}

/** Which libraries open the folder. */
function librariesOf(folder: string, config?: ClipConfig): readonly string[] {
  const has = (name: string): boolean => existsSync(join(folder, name));
  const isOwn = config !== undefined && formatClipConfig(config)["model_type"] === "clip-ts";
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
export function lostElsewhere(folder: string, preprocess: Preprocessing, config?: ClipConfig): string[] {
  const libraries = new Set(librariesOf(folder, config));
  const readers = (["transformers", "open_clip"] as const).filter((name) => libraries.has(name));
  if (readers.length === 0) return lostPreprocess(preprocess, "others");
  return readers.flatMap((reader) => lostPreprocess(preprocess, reader));
}

function describeVision({ vision }: ClipConfig): string {
  const { height, width } = sidesOf(vision.imageSize);
  const isAny = hasOpenSide(pixelForm(vision));
  const image = isAny ? "pictures of any shape" : `${width}×${height} pixels`;
  return `${visionTower(vision).describe(vision)}, ${image}`;
}

function describeText({ text }: ClipConfig): string {
  return `${textTower(text).describe(text)}, ${text.contextLength} tokens of ${text.vocabSize}`;
}

function describeLost(folder: string, { config, preprocess }: ModelFacts): string {
  const sentences = lostElsewhere(folder, preprocess, config);
  if (sentences.length === 0) return "";
  return `\nPictures are prepared otherwise elsewhere:\n\n${sentences.map((line) => `- ${line}\n`).join("")}`;
}

/** Towers that whoever opens the model has to bring, by name. */
function ownTowers({ vision, text }: ClipConfig): readonly string[] {
  return [vision, text].flatMap((tower) => (tower.kind === "own" ? [tower.tower.name] : []));
}

/** How the model is used: on the command line, where nothing else is needed, and in code. */
function usageOf({ repository }: CardOptions, config: ClipConfig): string {
  const own = ownTowers(config);
  const commands = `\`\`\`sh
npx @clip-ts/trainer classify hf:${repository} photo.jpg --labels cat,dog
\`\`\`

`;
  const towers = own.length === 0 ? "" : ", { towers }";
  const brought = own.length === 0 ? "" : ` // its own: ${own.join(", ")}`;
  return `${own.length === 0 ? commands : ""}\`\`\`ts
import { openClip } from "@clip-ts/node";

const clip = await openClip("hf:${repository}"${towers});${brought}
console.log(await clip.classify("photo.jpg", ["cat", "dog"]));
\`\`\`
`;
}

const proofLine = `| proof | \`${selfCheckFile}\`: features of a few probes, which clip-ts checks on first use |
`;

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
${options.isProved === true ? proofLine : ""}${describeLost(folder, facts)}
${usageOf(options, config)}`;
}
