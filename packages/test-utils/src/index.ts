export {
  captureOutput,
  writeLinkedFolders,
  answerTo,
  sends,
  trickles,
  type CapturedRun,
  type LinkedFolders,
  type Answer,
} from "./run-program.ts";
export {
  largestDifference,
  relativeError,
  gradientFaults,
  weightedSum,
  tensorsLeftBy,
  randomTensor,
  useEngine,
  refusalOf,
  type GradientCheckOptions,
  type GradientFault,
} from "./checks.ts";
export {
  goldenArrays,
  goldenJson,
  goldenPath,
  goldenTensors,
  writeGoldenModel,
  goldenTowers,
  renamedArrays,
  type GoldenArray,
} from "./golden.ts";
export * as reference from "./reference.ts";
export { hubToken, startLocalHub, type HubFaults, type Intercept, type LocalHub } from "./local-hub.ts";
export type { LocalCommit, Uploads } from "./local-hub-uploads.ts";
export {
  mpiLaunchersHere,
  startRanks,
  type MpiLauncher,
  type RanksEnded,
  type RanksStart,
  type StartedRanks,
} from "./mpi-launchers.ts";
export { localExchange } from "./local-exchange.ts";
export { trainOn, type TrainingOnEngine, type TrainingSpec } from "./train-on.ts";
