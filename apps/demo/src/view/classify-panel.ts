import type { Classification } from "@clip-ts/model";
import type { ClipClient } from "../clip-client.ts";
import type { Emoji } from "../messages.ts";
import { parseLabels } from "../parse-labels.ts";
import { create, element } from "./elements.ts";
import { formatDuration, showFact } from "./facts.ts";
import { latest } from "./latest.ts";
import { markSample, offerSamples } from "./samples.ts";

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
