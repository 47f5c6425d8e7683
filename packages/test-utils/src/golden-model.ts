import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { goldenPath } from "./golden.ts";

const weights = {
  hf: "clip-vit/model.safetensors",
  openai: "clip-vit/openai-names.safetensors",
} as const;

/** Makes `folder` a model folder of the reference ViT, its weights under one of two name schemes. */
export function writeGoldenModel(folder: string, layout: "hf" | "openai"): string {
  mkdirSync(folder, { recursive: true });
  copyFileSync(goldenPath("clip-vit/config.json"), join(folder, "config.json"));
  copyFileSync(goldenPath(weights[layout]), join(folder, "model.safetensors"));
  return folder;
}
