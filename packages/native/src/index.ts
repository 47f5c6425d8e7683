export {
  codeFlags,
  gemmOf,
  gemmReason,
  libraryFlags,
  libraryName,
  sourceFolder,
  sourceNames,
  type LibraryExports,
} from "./compile.ts";
export {
  elementCodes,
  gemmChoices,
  inputKinds,
  microKernel,
  operationNames,
  operationsVersion,
  outputKinds,
  reductionCodes,
  rowCodes,
  storeCodes,
  type GemmChoice,
  type RowCode,
} from "./constants.ts";
