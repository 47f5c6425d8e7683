import type { Emoji } from "../messages.ts";
import { create, element } from "./elements.ts";

/** Which drawings are offered for a click, by their names. */
const sampleLabels = "cat face,pizza,rocket,guitar,sunflower,bicycle,octopus,house".split(",");

/** Shows which of the samples is the chosen picture, if any. */
export function markSample(chosen?: Element): void {
  for (const button of element("samples").children) {
    button.ariaPressed = String(button === chosen);
  }
}

async function fetchImage(url: string): Promise<Blob> {
  return (await fetch(url)).blob();
}

/** Offers drawings of the collection as pictures to choose; returns their buttons. */
export function offerSamples(
  emoji: readonly Emoji[],
  folderUrl: string,
  choose: (image: Promise<Blob>, sample: Element) => void,
): HTMLButtonElement[] {
  const buttons = sampleLabels.flatMap((label) => {
    const sample = emoji.find((entry) => entry.label === label);
    if (sample === undefined) return [];
    const src = folderUrl + sample.file;
    const button = create("button", { type: "button" }, create("img", { src, alt: label }));
    button.addEventListener("click", () => choose(fetchImage(src), button));
    return [button];
  });
  element("samples").replaceChildren(...buttons);
  markSample();
  return buttons;
}
