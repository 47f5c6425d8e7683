import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { configOf, folder } from "./run-here.test.ts";
import { runTraining } from "./run-training.ts";

/** Begins a run with some settings and resumes it with others, its record of them being lost. */
async function resumed(name: string, begun: object, changed: object): Promise<unknown> {
  await runTraining(configOf(name, { steps: 1, ...begun }));
  rmSync(join(folder, name, "config.yaml"));
  return runTraining(configOf(name, { steps: 2, ...changed }), { resume: true });
}

const adapters = { lora: { rank: 2, targets: ["attention"] } };
const cases: readonly (readonly [string, object, object, readonly string[]])[] = [
  ["adds LoRA", {}, adapters, ['it has no LoRA adapters ("lora"), which this run\'s config asks for']],
  ["drops LoRA", adapters, {}, ['it has LoRA adapters ("lora"), of which this run\'s config says']],
  ["adds an average", {}, { ema: { decay: 0.9 } }, ['it has no moving average ("ema")']],
  [
    "changes the optimizer",
    { optimizer: { kind: "adamw" } },
    {},
    ['its optimizer remembers first and second, this run\'s first ("optimizer.kind")'],
  ],
  [
    "changes the rank",
    adapters,
    { lora: { rank: 3, targets: ["attention"] } },
    ["lora_A.weight [2, 16] instead of [3, 16]", " more."],
  ],
  ["locks a tower", {}, { lock: { image: {} } }, ["there vision_model.", "learnt, and here not"]],
  ["unlocks a tower", { lock: { image: {} } }, {}, ["here vision_model.", "learn, and there not"]],
];

test.each(cases)("a resumed run that %s is told so and what to do", async (name, ...settings) => {
  const [begun, changed, parts] = settings;
  const error = await resumed(name, begun, changed).then(
    () => new Error("it went on"),
    (thrown: unknown) => thrown as Error,
  );
  for (const part of parts) expect(error.message).toContain(part);
  expect(error.message).toContain(`"model.from: ${join(folder, name, "checkpoints")}`);
});
