import { startEngine, type EngineName } from "@clip-ts/engines";
import { expect, test } from "vitest";
import { openTrainingBatches } from "../../config/batches.ts";
import { openRunModel } from "../../config/model.ts";
import { openSession } from "./open-session.ts";
import { configOf } from "./run-here.test.ts";

test.each<EngineName>(["wasm", "onnx"])(
  "a disposed session says so and what to do, and still tells its steps (%s)",
  async (engine) => {
    const config = configOf("disposed", { engine });
    const { compiler } = await startEngine(engine);
    const model = await openRunModel(config.model);
    const { session } = await openSession(config.training, model, { compiler });
    const batches = await openTrainingBatches(config.data, model.description);
    const batch = await batches.next();
    await session.step(batch);
    session.dispose();
    session.dispose();
    const error = { code: "disposed", message: expect.stringMatching(/session was .*checkpoint/u) };
    await expect(session.step(batch)).rejects.toMatchObject(error);
    await expect(session.read()).rejects.toMatchObject(error);
    expect(session.steps()).toBe(1);
    await batches.close();
  },
);
