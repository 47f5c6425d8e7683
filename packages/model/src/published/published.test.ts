import { readFile } from "node:fs/promises";
import { countParams, flattenTree, type ParamSpec } from "@clip-ts/core";
import { expect, test } from "vitest";
import { parseOpenClipConfig } from "../config-files/open-clip.ts";
import type { BuiltInClipConfig } from "../config.ts";
import { clipSpec } from "../spec.ts";
import { architectures } from "./generated/architectures.ts";
import { openClipWorks, typeWorks } from "./generated/works.ts";
import type { Works } from "./types.ts";
import { findModel } from "./find-model.ts";
import { listModels, modelsWith } from "./list-models.ts";
import { nearestNames } from "./nearest-names.ts";

const models = listModels();
const ofOpenClip = models.filter(({ of }) => of === "open_clip");

test("all 196 weights of open_clip and 13 checkpoints of transformers are found by the names they are listed by", () => {
  expect([ofOpenClip.length, models.length]).toEqual([196, 209]);
  expect(new Set(models.map(({ name }) => name)).size).toBe(models.length);
  for (const { name, of, repository } of models) {
    const found = findModel(name);
    expect(found, name).toMatchObject({ kind: of === "open_clip" ? "open_clip" : "hub", repository });
  }
});

const working = Object.entries(architectures).filter(([name]) =>
  ofOpenClip.some(({ type, works }) => type === name && works === true),
);
const counted = working.filter(([, { parameters }]) => parameters !== undefined);

test("as much works in full as docs/models.md and the root README say", async () => {
  const inFull = (all: readonly Works[]): number[] => [all.filter((works) => works === true).length, all.length];
  const configs = inFull(Object.values(openClipWorks));
  const weights = inFull(ofOpenClip.map(({ works }) => works));
  const classifiers = Object.keys(typeWorks).filter((type) => type !== "vision-text-dual-encoder");
  const types = inFull(classifiers.map((type) => typeWorks[type]!));
  const docs = await readFile(new URL("../../../../docs/models.md", import.meta.url), "utf8");
  const readme = await readFile(new URL("../../../../README.md", import.meta.url), "utf8");
  const words = (text: string): string => text.replaceAll(/\s+/gu, " ");
  expect(words(docs)).toContain(
    `Of open_clip's ${configs[1]} configs ${configs[0]} work in full, of its ${weights[1]} published weights ${weights[0]}`,
  );
  expect(words(docs)).toContain(`transformers' ${types[1]} types of zero-shot image classifiers ${types[0]}`);
  expect(words(readme)).toContain(
    `Of open_clip's ${configs[1]} configs ${configs[0]} work in full (${weights[0]} of its ${weights[1]} weights), ` +
      `of transformers' ${types[1]} zero-shot image classifiers ${types[0]}`,
  );
});

test("no size is listed of architectures whose text tower's config is not known", () => {
  const names = Object.entries(architectures).flatMap(([name, { parameters }]) =>
    parameters === undefined ? name : [],
  );
  expect(names).toEqual(["nllb-clip-large", "nllb-clip-large-siglip"]);
});

test.each(counted)("%s, which works, has as many parameters here as in open_clip", (_name, { config, parameters }) => {
  const parsed = parseOpenClipConfig({ model_cfg: config }) as BuiltInClipConfig;
  const learned = Object.entries(flattenTree<ParamSpec>(clipSpec(parsed))).filter(([name]) => !/running_/u.test(name));
  expect(countParams(Object.fromEntries(learned))).toBe(parameters);
});

test.each([
  ["ViT-B/32", "ViT-B-32/openai"],
  ["ViT-L/14@336px", "ViT-L-14-336/openai"],
  ["ViT-B-32:laion2B-s34B_b79K", "ViT-B-32/laion2b_s34b_b79k"],
  ["ViT-B/32/openai", "ViT-B-32/openai"],
  ["ViT-B-16-SigLIP", "ViT-B-16-SigLIP/webli"],
])("%s stands for %s", (name, canonical) => {
  expect(findModel(name)).toMatchObject({ kind: "open_clip", name: canonical });
});

test.each(["models/nano", "runs/first", "vit_b_32.safetensors", "toString", "openai", "somebody/their-clip"])(
  "%s is in no list",
  (name) => {
    expect(findModel(name)).toBeUndefined();
  },
);

test.each([
  ["ViT-B-32", "ViT-B-32 is an architecture with several published weights. Name one of ViT-B-32/openai, "],
  ["ViT-B-32/best", 'ViT-B-32 has no weights "best". Name one of ViT-B-32/openai, '],
])("%s is refused with the weights there are", (name, start) => {
  expect(() => findModel(name)).toThrow(start);
});

test("weights say with which activation and pictures they were trained, and their checksum where the address has it", () => {
  expect(findModel("ViT-B-32/openai")).toMatchObject({
    config: { model_cfg: { quick_gelu: true }, preprocess_cfg: { resize_mode: "shortest" } },
    sha256: "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
  });
  expect(findModel("ViT-B-32/laion2b_e16")).toMatchObject({ sha256: "af8dbd0c" });
  expect(findModel("ViT-L-14-CLIPA/datacomp1b")).toMatchObject({
    config: { preprocess_cfg: { mean: [0.485, 0.456, 0.406], interpolation: "bilinear", resize_mode: "squash" } },
    tokenizer: "bert-base-uncased",
  });
});

test("words choose models by name, type, repository and tokenizer", () => {
  expect(modelsWith(["siglip2", "384"]).map(({ name }) => name)).toEqual([
    "ViT-B-16-SigLIP2-384/webli",
    "ViT-L-16-SigLIP2-384/webli",
    "ViT-SO400M-16-SigLIP2-384/webli",
    "ViT-gopt-16-SigLIP2-384/webli",
  ]);
  expect(modelsWith(["BERT-base"]).every(({ type }) => type.includes("CLIPA"))).toBe(true);
  expect(modelsWith(["nothing", "such"])).toEqual([]);
});

test.each([
  ["ViT-B-32/laion2b_s34b_b79", "ViT-B-32/laion2b_s34b_b79k"],
  ["vit_b_16_siglip_384_webli", "ViT-B-16-SigLIP-384/webli"],
  ["openai/clip-vit-base-patch-32", "openai/clip-vit-base-patch32"],
  ["laion2b_s34b_b88k", "ViT-B-16/laion2b_s34b_b88k"],
])("of the names near %s, %s is the first", (name, nearest) => {
  expect(nearestNames(name)[0]).toBe(nearest);
});

test("nothing is near a name of another kind", () => {
  expect(nearestNames("my-photographs")).toEqual([]);
});
