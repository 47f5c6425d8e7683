import type { Classification } from "@clip-ts/model";
import type { ClipClient, Emoji } from "./client.ts";
import { create, element, formatDuration, latest, showFact } from "./page.ts";

/** The labels of a text, one a line or between commas; blanks and repetitions are left out. */
export function parseLabels(text: string): string[] {
  const labels = text.split(/[\n,]/u).map((label) => label.trim());
  return [...new Set(labels)].filter((label) => label !== "");
}

/** Which drawings are offered for a click, by their names. */
const sampleLabels = "cat face,pizza,rocket,guitar,sunflower,bicycle,octopus,house".split(",");

/** Shows which of the samples is the chosen picture, if any. */
function markSample(chosen?: Element): void {
  for (const button of element("samples").children) {
    button.ariaPressed = String(button === chosen);
  }
}

async function fetchImage(url: string): Promise<Blob> {
  return (await fetch(url)).blob();
}

/** Offers drawings of the collection as pictures to choose; returns their buttons. */
function offerSamples(
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

function showRanking(ranking: readonly Classification[]): void {
  const rows = ranking.map(({ label, probability }) => {
    const percent = `${(probability * 100).toFixed(1)} %`;
    const bar = create("span", { className: "bar", ariaHidden: "true" });
    bar.style.width = `${probability * 100}%`;
    const share = create("data", { value: String(probability), textContent: percent });
    return create("li", {}, bar, create("span", { textContent: label }), share);
  });
  element("ranking").replaceChildren(...rows);
}

/** Joins the panel that classifies a picture to the worker. */
export function createClassifyPanel(client: ClipClient): {
  /** Offers drawings of the collection for a click, and takes the first if there is no picture yet. */
  showSamples(emoji: readonly Emoji[], folderUrl: string): void;
} {
  const labels = element<HTMLTextAreaElement>("labels");
  const template = element<HTMLInputElement>("template");
  const file = element<HTMLInputElement>("file");
  const picture = element<HTMLImageElement>("picture");
  const status = element("classify-status");
  let image: Blob | undefined;
  let choices = 0;

  const say = (text: string): void => void (status.textContent = text);
  const refresh = latest(
    async () => {
      const names = parseLabels(labels.value);
      if (image === undefined) return say("Choose a picture first.");
      if (names.length === 0) return say("Type a label first.");
      const startedAt = performance.now();
      const input = { image, labels: names, template: template.value };
      showRanking(await client.call("classify", input));
      say("");
      showFact("Last picture", formatDuration(performance.now() - startedAt));
    },
    (error) => {
      showRanking([]);
      say(error instanceof Error ? error.message : String(error));
    },
  );

  /** Takes a picture, unless another is chosen before it has come. */
  async function choose(coming: Blob | Promise<Blob>, sample?: Element): Promise<void> {
    const choice = ++choices;
    const chosen = await coming;
    if (choice !== choices) return;
    image = chosen;
    URL.revokeObjectURL(picture.src);
    picture.src = URL.createObjectURL(chosen);
    picture.hidden = false;
    markSample(sample);
    await refresh();
  }

  function chooseOther(coming: Blob | Promise<Blob>, sample?: Element): void {
    file.value = ""; // it would still name its own file
    void choose(coming, sample);
  }

  file.addEventListener("change", () => {
    const [chosen] = file.files ?? [];
    if (chosen !== undefined) void choose(chosen);
  });
  acceptDrops(element("drop"), chooseOther);
  for (const field of [labels, template]) field.addEventListener("input", () => void refresh());

  return {
    showSamples(emoji, folderUrl) {
      const [first] = offerSamples(emoji, folderUrl, chooseOther);
      if (choices === 0) first?.click();
    },
  };
}

/** Takes the first file that is dropped on an element. */
function acceptDrops(target: HTMLElement, take: (file: File) => void): void {
  const mark = (isOver: boolean) => (event: DragEvent) => {
    event.preventDefault();
    target.classList.toggle("over", isOver);
  };
  target.addEventListener("dragover", mark(true));
  target.addEventListener("dragleave", mark(false));
  target.addEventListener("drop", (event) => {
    mark(false)(event);
    const [file] = event.dataTransfer?.files ?? [];
    if (file !== undefined) take(file);
  });
}
