import type { Limits } from "./limits.ts";
import { refusal } from "./refusals.ts";

/** The text itself. @throws ClipError of status 400 for one that is empty or longer than texts may be. */
export function checkText(text: string, { characters }: Pick<Limits, "characters">): string {
  if (text.trim() === "") throw refusal(400, "The text is empty.", { code: "empty_text" });
  if (text.length <= characters) return text;
  const message = `The text has ${text.length} characters; ${characters} at most are taken.`;
  throw refusal(400, message, { code: "text_too_long" });
}
