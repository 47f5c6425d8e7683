export { captureOutput, type CapturedRun } from "./capture-output.ts";
export { largestDifference, relativeError } from "./closeness.ts";
export { goldenArrays, goldenJson, goldenPath, goldenTensors, type GoldenArray } from "./golden.ts";
export { writeGoldenModel } from "./golden-model.ts";
export { goldenTowers } from "./golden-towers.ts";
export {
  gradientFaults,
  weightedSum,
  type GradientCheckOptions,
  type GradientFault,
} from "./gradient-check.ts";
export { writeLinkedFolders, type LinkedFolders } from "./linked-folders.ts";
export { tensorsLeftBy } from "./leak-check.ts";
export { randomTensor } from "./random-tensor.ts";
export { useEngine } from "./engines.ts";
export * as reference from "./reference.ts";
export { answerTo, sends, trickles, type Answer } from "./answer-to.ts";
export {
  hubToken,
  startLocalHub,
  type HubFaults,
  type Intercept,
  type LocalHub,
} from "./local-hub.ts";
export type { LocalCommit, Uploads } from "./local-hub-uploads.ts";
export { trainOn, type TrainingOnEngine, type TrainingSpec } from "./train-on.ts";
export { localExchange } from "./local-exchange.ts";
export { refusalOf } from "./refusal-of.ts";
