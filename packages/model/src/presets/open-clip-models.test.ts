import { readFileSync } from "node:fs";
import { isClipError } from "@clip-ts/base";
import { expect, test } from "vitest";
import { timmSiglips } from "../config-files/open-clip-vision.ts";
import { formatOpenClipConfig, parseOpenClipConfig } from "../config-files/open-clip.ts";
import { openClipModels } from "./open-clip-models.ts";

function fixture<Value>(name: string): Readonly<Record<string, Value>> {
  const path = new URL(`fixtures/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, Value>>;
}

/** What timm 1.0 builds under each name, and open_clip 3.3's own files. */
const timm = fixture<readonly unknown[]>("timm-siglip");
const published = fixture<Record<string, object>>("open-clip-models");

test("every name of SigLIP's transformers stands for what timm builds under it", () => {
  const ours = timmSiglips.map(({ name, width, layers, heads, mlpWidth, patchSize, imageSize, activation }) => [
    name,
    [width, layers, heads, mlpWidth, patchSize, imageSize, activation],
  ]);
  expect(Object.fromEntries(ours)).toEqual(timm);
});

/** Our start of the scale is the paper's, which open_clip's files leave to its training script. */
const withoutStart = (config: object): object => ({ ...config, initialLogitScale: undefined });

test.each([...openClipModels])("%s is as open_clip has it, read and written", (name, build) => {
  const config = build();
  expect(withoutStart(parseOpenClipConfig(published[name]))).toEqual(withoutStart(config));
  const written = JSON.parse(JSON.stringify(formatOpenClipConfig(config))) as unknown;
  expect(parseOpenClipConfig(written)).toEqual(config);
});

/** Read and computed, but without published weights to be named by. */
const unnamed = ["swin_base_patch4_window7_224"];

test("of open_clip's 144 models all others are refused by the key that is not understood", () => {
  const names = Object.keys(published);
  expect(names).toHaveLength(144);
  const others = names.filter((name) => !openClipModels.has(name));
  expect(others.length + openClipModels.size).toBe(names.length);
  for (const name of unnamed) expect(parseOpenClipConfig(published[name]).vision.kind).toBe("swin");
  for (const name of others.filter((name) => !unnamed.includes(name))) {
    let caught: unknown;
    try {
      parseOpenClipConfig(published[name]);
    } catch (error) {
      caught = error;
    }
    if (!isClipError(caught)) throw new Error(`${name} should be refused`);
    expect(caught.message).toMatch(/^config\.json: (vision_cfg|text_cfg|multimodal_cfg)/u);
  }
});
