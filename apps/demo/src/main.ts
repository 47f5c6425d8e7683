import { sidesOf } from "@clip-ts/base";
import { startClipWorker, type Emoji, type ModelInfo, type Progress } from "./client.ts";
import { createClassifyPanel } from "./classify-panel.ts";
import { element, formatDuration, showFact, showModelError } from "./page.ts";
import { createSearchPanel } from "./search-panel.ts";

const modelUrl = new URL("model/", document.baseURI).href;
const emojiUrl = new URL("emoji/", document.baseURI).href;

function showModelProgress({ done, total }: Progress): void {
  const bar = element<HTMLProgressElement>("model-progress");
  bar.max = total;
  bar.value = done;
}

function showModel({ engine, parameters, imageSize }: ModelInfo): void {
  showFact("Engine", `${engine.name}: ${engine.detail}`);
  showFact("Chosen", engine.reason);
  showFact("Model", `${(parameters / 1e6).toPrecision(2)} million parameters`);
  showFact("Sees", `${sidesOf(imageSize).width} × ${sidesOf(imageSize).height} pixels`);
}

async function fetchEmoji(): Promise<Emoji[]> {
  const response = await fetch(`${emojiUrl}index.json`);
  if (!response.ok) throw new Error(`The server has no emoji: it answered ${response.status}.`);
  return (await response.json()) as Emoji[];
}

const client = startClipWorker((progress) => {
  if (progress.work === "model") showModelProgress(progress);
  else search.showProgress(progress);
});
const classify = createClassifyPanel(client);
const search = createSearchPanel(client, emojiUrl);

async function collectEmoji(): Promise<void> {
  const emoji = await fetchEmoji();
  classify.showSamples(emoji, emojiUrl);
  const startedAt = performance.now();
  await client.call("collect", { folderUrl: emojiUrl, emoji });
  showFact("Looked at", `${emoji.length} emoji in ${formatDuration(performance.now() - startedAt)}`);
}

async function start(): Promise<void> {
  const startedAt = performance.now();
  try {
    showModel(await client.call("open", { modelUrl }));
    showFact("Loaded in", formatDuration(performance.now() - startedAt));
  } catch (error) {
    showModelError(error);
    element("collecting").hidden = true;
    return;
  } finally {
    element("loading").hidden = true;
  }
  await collectEmoji().catch(search.showError);
}

void start();
