export { captureOutput, type CapturedRun } from "./run-program.ts";
export { largestDifference, relativeError } from "./checks.ts";
export { goldenArrays, goldenJson, goldenPath, goldenTensors, type GoldenArray } from "./golden.ts";
export { writeGoldenModel } from "./golden.ts";
export { goldenTowers } from "./golden.ts";
export {
  gradientFaults,
  weightedSum,
  type GradientCheckOptions,
  type GradientFault,
} from "./checks.ts";
export { writeLinkedFolders, type LinkedFolders } from "./run-program.ts";
export { tensorsLeftBy } from "./checks.ts";
export { randomTensor } from "./checks.ts";
export { useEngine } from "./checks.ts";
export * as reference from "./reference.ts";
export { answerTo, sends, trickles, type Answer } from "./run-program.ts";
export {
  hubToken,
  startLocalHub,
  type HubFaults,
  type Intercept,
  type LocalHub,
} from "./local-hub.ts";
export type { LocalCommit, Uploads } from "./local-hub-uploads.ts";
export { trainOn, type TrainingOnEngine, type TrainingSpec } from "./train-on.ts";
export { localExchange } from "./train-on.ts";
export { refusalOf } from "./checks.ts";
