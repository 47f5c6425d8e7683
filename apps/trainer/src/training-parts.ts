// The parts of a training run, for programs that drive the steps themselves and for commands that train.
export { startNamedEngine } from "./cli/start-engine.ts";
export { captionedImages } from "./commands/shared/images.ts";
export { limitSkipped } from "./commands/shared/left-out.ts";
export { withClip } from "./commands/shared/open-model.ts";
export { retrievalNumbers, type Evaluation } from "./commands/train/evaluation.ts";
export { startTraining } from "./commands/train/start-training.ts";
export { runTraining, type TrainingResult } from "./commands/train/run-training.ts";
export { openTrainingBatches } from "./config/batches.ts";
export { loadConfig, parseConfig, type Settings } from "./config/load-config.ts";
export { openRunModel } from "./config/model.ts";
export type { RunOptions } from "./config/options.ts";
export { runOptions } from "./config/run-options.ts";
export { drawRunPage } from "./pages/training-report.ts";
