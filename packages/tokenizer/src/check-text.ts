import { ClipError } from "@clip-ts/base";

/** The caption itself. @throws ClipError "bad-argument" unless it is a string. */
export function checkText(text: unknown): string {
  if (typeof text === "string") return text;
  throw new ClipError(
    "bad-argument",
    `A caption must be a string, got ${text === null ? "null" : typeof text}; ` +
      "drop captions that are missing before encoding",
    { data: { type: typeof text } },
  );
}
