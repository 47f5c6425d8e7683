export { ClipError, isClipError, type ClipErrorCode } from "./clip-error.ts";
export { randomStream, shuffled, type RandomStream } from "./random.ts";
