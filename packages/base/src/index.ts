export {
  refuseAfterDisposal,
  ClipError,
  isClipError,
  shown,
  type DisposalWords,
  type ClipErrorCode,
} from "./errors.ts";
export { crc32 } from "./crc32.ts";
export { randomStream, shuffled, type RandomStream } from "./random.ts";
export { parseJson, parseJsonFile } from "./parse-json.ts";
export { inPieces, runYielding, runThrough, createYield, type Yielding } from "./yielding.ts";
export {
  isModelFile,
  modelFiles,
  selfCheckFile,
  sentencePieceFiles,
  tokenizerFiles,
  weightsFiles,
} from "./model-files.ts";
export {
  chooseGraphs,
  graphFolder,
  graphPath,
  graphSettingsKey,
  listsGraphs,
  noGraph,
  transformersNames,
  weightsDtypes,
  type GraphName,
  type WantedGraphs,
  type WeightsDtype,
} from "./graph-names.ts";
export { hubName, isHubReference, mayBeModelName, parseHubReference, type HubReference } from "./hub-reference.ts";
export {
  chooseModelFiles,
  chooseOpenClipWeights,
  chooseTokenizerFiles,
  openClipWeightsName,
  type RepositoryKnown,
} from "./choose-files.ts";
export { sameSize, shownSize, sidesOf, sizeOf, type ImageSize, type Sides } from "./size.ts";
