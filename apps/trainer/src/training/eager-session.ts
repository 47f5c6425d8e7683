import type { TrainStep } from "./train-step.ts";
import { disposeState, storedSlots, type TrainState } from "./train-state.ts";
import type { TrainingSession } from "./session.ts";

/** A session that runs each operation on tfjs's engine as it comes. Takes the state over. */
export function createEagerSession(step: TrainStep, initial: TrainState): TrainingSession {
  let state = initial;
  return {
    steps: () => state.step,
    async step(batch) {
      const outcome = await step(state, batch);
      state = outcome.state;
      return outcome.metrics;
    },
    withContents: (use) => use({ params: state.params, slots: storedSlots(state) }),
    dispose: () => disposeState(state),
  };
}
