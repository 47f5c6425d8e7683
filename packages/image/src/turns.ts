export { inPieces, runInTurns, runThrough, type Steps } from "@clip-ts/base";
