import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clipPreprocess } from "@clip-ts/image";
import { preset } from "@clip-ts/model";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelCard } from "./model-card.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-ts-card-"));
  await writeFile(join(folder, "config.json"), "{}");
});
afterAll(() => rm(folder, { recursive: true }));

test("the model card tells the hub and the reader what the model is", () => {
  const config = preset("ViT-B/32");
  const facts = { config, preprocess: clipPreprocess(224) };
  const card = modelCard(folder, facts, { repository: "owner/new", license: "mit" });
  expect(card).toMatch(/^---\nlibrary_name: clip-ts\npipeline_tag: zero-shot-image-classification\n/u);
  expect(card).toContain("license: mit\ntags:\n- clip\n- contrastive\n- transformers\n---");
  expect(card).toContain("| parameters | 151,277,313 |");
  expect(card).toContain("ViT, 12 layers, width 768, 12 heads, patches of 32, 224×224 pixels");
  expect(card).toContain('openClip("hf:owner/new")');
  expect(card).not.toContain("otherwise elsewhere");
  const behind = { ...facts, preprocess: { ...facts.preprocess, alpha: [255, 255, 255] as const } };
  expect(modelCard(folder, behind, { repository: "owner/new" })).toContain(
    "deviation 0.26862954 0.26130258 0.27577711 |\n\nPictures are prepared otherwise elsewhere:\n\n" +
      "- transformers will not lay transparent pixels over the background 255 255 255 (clip_ts.alpha): " +
      "flatten pictures first.\n\n```sh",
  );
});
