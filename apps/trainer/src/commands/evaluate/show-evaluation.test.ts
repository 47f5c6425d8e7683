import { captureOutput } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { showEvaluation } from "./run.ts";
import type { ProbeFound } from "../../pages/evaluation-tables.ts";

const probe: ProbeFound = {
  folder: "pets",
  classes: ["cat", "dog"],
  trainImages: 8,
  testImages: 2,
  accuracy: 0.5,
  inversePenalty: 1,
  converged: true,
  sweep: [],
  fewShot: [],
  confusion: { classes: 2, counts: Uint32Array.of(1, 0, 1, 0) },
  skipped: [],
  leftOut: [],
};

test("a probe whose fit ended early is shown with a word of warning", async () => {
  const show = (converged: boolean) => captureOutput(async () => showEvaluation({ probe: { ...probe, converged } }));
  const early = await show(false);
  expect(early.stderr).toContain("The probe's fit ended before its minimum");
  expect(early.stdout).toContain("50.0 %");
  expect((await show(true)).stderr).toBe("");
});
