import { startEngine, type EngineName } from "@clip-ts/engines";
import { expect, test } from "vitest";
import { openTrainingBatches } from "../../config/batches.ts";
import { openRunModel } from "../../config/model.ts";
import { startTraining } from "./start-training.ts";
import { configOf } from "./run-here.test.ts";

test.each<EngineName>(["wasm", "onnx"])(
  "a disposed session says so and what to do, and still tells its steps (%s)",
  async (engine) => {
    const config = configOf("disposed", { engine });
    const { compiler } = await startEngine(engine);
    const model = await openRunModel(config.model);
    const { active } = await startTraining(config.training, model, { compiler });
    const batches = await openTrainingBatches(config.data, model.description);
    const batch = await batches.next();
    await active.step(batch);
    active.dispose();
    active.dispose();
    const error = { code: "disposed", message: expect.stringMatching(/session was .*checkpoint/u) };
    await expect(active.step(batch)).rejects.toMatchObject(error);
    await expect(active.read()).rejects.toMatchObject(error);
    expect(active.steps()).toBe(1);
    await batches.close();
  },
);
