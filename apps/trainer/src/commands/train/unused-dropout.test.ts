// What a model's files say of dropout, and no step applies.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { captureOutput, goldenArrays, goldenPath } from "@clip-ts/test-utils";
import { fromFloat32, fromInt32, serializeSafetensors, toBytes } from "@clip-ts/weights";
import { expect, test } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { openRunModel } from "../../config/model.ts";
import { unusedSettings } from "../../config/unused-settings.ts";
import { commands } from "../index.ts";
import { configOf, folder } from "./run-here.test.ts";

const from = join(folder, "dropping");
cpSync(dirname(goldenPath("dual-encoder/config.json")), from, { recursive: true });
const file = join(from, "config.json");
const { vision_config, text_config, ...rest } = JSON.parse(readFileSync(file, "utf8")) as Record<string, object>;
const words = { ...text_config, hidden_dropout_prob: 0.3, attention_probs_dropout_prob: 0.3 };
writeFileSync(
  file,
  JSON.stringify({
    ...rest,
    vision_config: { ...vision_config, hidden_dropout_prob: 0, drop_path_rate: 0.25 },
    text_config: words,
  }),
);
const line = `not applied: vision_config.drop_path_rate 0.25 of "model.from" (${from}); nothing is dropped there in training`;

test("it is said once, by key and value, and written to the run's config, with which the run goes on", async () => {
  const { pixel_values: pixels, input_ids: ids } = goldenArrays("dual-encoder/io.safetensors");
  const path = join(folder, "pairs.safetensors");
  const arrays = [0, 1].flatMap((batch) => [
    [`pixel_values.${batch}`, fromFloat32(pixels!.values as Float32Array, pixels!.shape)] as const,
    [`input_ids.${batch}`, fromInt32(ids!.values as Int32Array, ids!.shape)] as const,
  ]);
  writeFileSync(path, toBytes(serializeSafetensors(Object.fromEntries(arrays))));
  const run = join(folder, "run");
  const config = { run, engine: "cpu", model: { from }, steps: 1, data: { train: { kind: "tensors", path } } };
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, tensorboard: false }));
  const train = (...words: string[]) => captureOutput(() => runCommandLine(commands, ["train", ...words]));
  const first = await train(join(folder, "config.json"));
  expect(first.result, first.stderr).toBe(0);
  expect(first.stderr.split(line)).toHaveLength(2);
  const recorded = readFileSync(join(run, "config.yaml"), "utf8");
  expect(recorded.startsWith(`# ${line}\n`)).toBe(true);
  expect(recorded.match(/not applied/gu)).toHaveLength(1);
  const again = await train(join(run, "config.yaml"), "--resume", "--set", "steps=2");
  expect(again.result, again.stderr).toBe(0);
});

test("a tower's weights are asked too, and what the run drops is not named", async () => {
  const towers = configOf("towers", { model: { preset: "nano", vision: from, text: from } }).model;
  const { config } = (await openRunModel(configOf("nano", {}).model)).description;
  const named = (await unusedSettings(towers, config)).map((said) => said.slice(0, said.indexOf(" (")));
  expect(named.toSorted()).toEqual([
    'not applied: text_config.attention_probs_dropout_prob 0.3 of "model.text"',
    'not applied: text_config.hidden_dropout_prob 0.3 of "model.text"',
    'not applied: vision_config.drop_path_rate 0.25 of "model.vision"',
  ]);
  const data = { train: { kind: "tensors", path: "pairs" } }; // ids, so that no tokenizer is needed
  const other = configOf("other", { model: { from, textDropout: 0.1 }, data }).model;
  expect((await openRunModel(other)).unused).toEqual([line]);
});
