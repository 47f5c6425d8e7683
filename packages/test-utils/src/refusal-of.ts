import { isClipError, type ClipError } from "@clip-ts/base";

/** The error that a function refuses with. @throws if it does not, or with anything but a ClipError. */
export function refusalOf(run: () => unknown): ClipError {
  try {
    run();
  } catch (error) {
    if (isClipError(error)) return error;
  }
  throw new Error("expected a ClipError");
}
