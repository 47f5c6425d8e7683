import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { preset } from "@clip-ts/model";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeModel } from "../model-folder.ts";
import { describeTower } from "../models/describe-tower.ts";
import { readArchitecture } from "../models/read-architecture.ts";
import { readTokenizerAlone } from "../models/read-tokenizer.ts";
import { withWeights } from "../models/weights-file.ts";
import { openClip } from "../open-clip.ts";
import { didYouMeanHub } from "./hub-reference.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-bare-"));
const place = process.cwd();
beforeAll(() => {
  mkdirSync(join(folder, "runs"));
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(place);
  rmSync(folder, { recursive: true });
});

const bare = "openai/clip-vit-base-patch32";

test.each([
  ["openClip", () => openClip(bare)],
  ["describeModel", () => describeModel(bare)],
  ["describeTower", () => describeTower(bare)],
  ["withWeights", () => withWeights(bare, () => Promise.resolve())],
  ["readArchitecture", () => readArchitecture(bare)],
  ["readTokenizerAlone", () => readTokenizerAlone(bare, preset("nano"))],
])("%s asks whether a bare name was meant for the hub", async (_name, open) => {
  await expect(open()).rejects.toThrow(/ Did you mean hf:openai\/clip-vit-base-patch32\?$/u);
});

test.each([
  ["owner/name@main", " Did you mean hf:owner/name@main?"],
  ["runs/pets", ""],
  ["./owner/name", ""],
  ["../owner", ""],
  ["/owner/name", ""],
  ["a/b/c", ""],
  ["model", ""],
  ["hf:owner/name", ""],
])("%s: %j", (model, hint) => {
  expect(didYouMeanHub(model)).toBe(hint);
});
