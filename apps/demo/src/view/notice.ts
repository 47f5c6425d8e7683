import { isClipError } from "@clip-ts/base";
import { create, element } from "./elements.ts";

function advice(error: unknown): (Node | string)[] {
  if (!isClipError(error) || error.code !== "not-found") return ["The model could not be opened."];
  return [
    "There is no trained model to show yet. Run ",
    create("code", { textContent: "npm run quickstart" }),
    " first, or start the demo with ",
    create("code", { textContent: "CLIP_MODEL=path/to/model" }),
    ". Then reload this page.",
  ];
}

/** Says at the top of the page why there is no model. */
export function showModelError(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  const notice = element("notice");
  notice.replaceChildren(
    create("p", {}, ...advice(error)),
    create("small", { textContent: reason }),
  );
  notice.hidden = false;
}
