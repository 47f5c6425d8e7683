// The parts of a training run, for programs that drive the steps themselves.
export { openTrainingBatches } from "./config/batches.ts";
export { parseConfig } from "./config/load-config.ts";
export { openRunModel } from "./config/model.ts";
export { runOptions } from "./config/run-options.ts";
export { openSession } from "./training/open-session.ts";
