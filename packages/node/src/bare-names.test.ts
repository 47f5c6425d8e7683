import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { preset } from "@clip-ts/model";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openClip } from "./open-clip.ts";
import { didYouMeanHub } from "@clip-ts/hub";
import { openModel, openTower, readArchitecture, readTokenizerAlone, withWeights } from "./open-model.ts";

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

const bare = "somebody/their-clip";

test.each([
  ["openClip", () => openClip(bare)],
  ["openModel", () => openModel(bare)],
  ["openTower", () => openTower(bare)],
  ["withWeights", () => withWeights(bare, () => Promise.resolve())],
  ["readArchitecture", () => readArchitecture(bare)],
  ["readTokenizerAlone", () => readTokenizerAlone(bare, preset("nano"))],
])("%s asks whether a bare name was meant for the hub", async (_name, open) => {
  await expect(open()).rejects.toThrow(/ Did you mean hf:somebody\/their-clip\?$/u);
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
