export { refuseAfterDisposal, type DisposalWords } from "./errors.ts";
export { crc32 } from "./crc32.ts";
export { ClipError, isClipError, type ClipErrorCode } from "./errors.ts";
export { randomStream, shuffled, type RandomStream } from "./random.ts";
export { shown } from "./errors.ts";
export { parseJson } from "./parse-json.ts";
export { inPieces, runInTurns, runThrough, turnTaker, type Steps } from "./turns.ts";
