// Exported folders, loaded by the real @huggingface/transformers in a real Chromium.
import { existsSync, realpathSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { largestDifference } from "@clip-ts/test-utils";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openClip } from "./open-clip.ts";
import { exportOnnxFolder } from "./export-model.ts";
import { serveFiles, type FileServer } from "./serve-files.test.ts";
import { testPicture, writeTestModel } from "./test-model.test.ts";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
const hasChromium = existsSync(executablePath);
if (!hasChromium) {
  console.warn(
    `SKIPPED: exported models were not tried in a browser, as ${executablePath} does not exist. ` +
      'Install Chromium (Debian: "apt-get install chromium") or set CHROMIUM_PATH.',
  );
}

const require = createRequire(import.meta.url);
const library = dirname(realpathSync(require.resolve("@huggingface/transformers")));
const runtime = dirname(createRequire(join(library, "x.js")).resolve("onnxruntime-web"));

/** The library as a page without a bundler loads it, with everything from this machine. */
const page = `<!doctype html><script type="module">
  import * as library from "/library/transformers.min.js";
  const { env } = library;
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = "/models/";
  env.useBrowserCache = false;
  env.backends.onnx.wasm.wasmPaths = "/runtime/";
  env.backends.onnx.wasm.numThreads = 1;
  window.unit = ({ data }) => {
    const length = Math.hypot(...data);
    return Array.from(data, (value) => value / length);
  };
  window.library = library;
</script>`;

const labels = ["a red circle", "the sea at night", "a tent"];

/** What runs in the page: strings, so that nothing of this file is needed there. */
const scripts = {
  classify: (dtype: string | undefined) => `(async () => {
    const { pipeline, RawImage } = window.library;
    const options = { device: "wasm"${dtype === undefined ? "" : `, dtype: "${dtype}"`} };
    const classify = await pipeline("zero-shot-image-classification", "tiny", options);
    const image = new RawImage(Uint8Array.from(${JSON.stringify([...testPicture().data])}), 32, 32, 3);
    return classify(image, ${JSON.stringify(labels)}, { hypothesis_template: "a picture of {}" });
  })()`,
  embed: `(async () => {
    const { AutoTokenizer, CLIPTextModelWithProjection, CLIPVisionModelWithProjection, pipeline, RawImage } =
      window.library;
    const tokenizer = await AutoTokenizer.from_pretrained("tiny");
    const text = await CLIPTextModelWithProjection.from_pretrained("tiny");
    const { text_embeds } = await text(tokenizer(["a tent"], { padding: true }));
    const extract = await pipeline("image-feature-extraction", "tiny");
    const image = new RawImage(Uint8Array.from(${JSON.stringify([...testPicture().data])}), 32, 32, 3);
    const image_embeds = await extract(image);
    return { texts: window.unit(text_embeds), images: window.unit(image_embeds) };
  })()`,
  models: `(async () => {
    const { AutoProcessor, AutoTokenizer, CLIPModel, CLIPVisionModelWithProjection, RawImage } =
      window.library;
    const tokenizer = await AutoTokenizer.from_pretrained("tiny");
    const processor = await AutoProcessor.from_pretrained("tiny");
    const image = new RawImage(Uint8Array.from(${JSON.stringify([...testPicture().data])}), 32, 32, 3);
    const pixels = await processor(image);
    const vision = await CLIPVisionModelWithProjection.from_pretrained("tiny");
    const { image_embeds } = await vision(pixels);
    const clip = await CLIPModel.from_pretrained("tiny");
    const given = { ...tokenizer(["a tent", "the sea at night"], { padding: true }), ...pixels };
    const both = await clip(given);
    return {
      tower: window.unit(image_embeds),
      images: [...both.image_embeds.data],
      texts: [...both.text_embeds.data],
      logits: [...both.logits_per_image.data],
    };
  })()`,
};

describe.skipIf(!hasChromium)("an exported folder in Chromium", () => {
  let folder = "";
  let server: FileServer;
  let browser: Browser;
  let tab: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "clip-ts-browser-"));
    await writeTestModel(join(folder, "source"));
    await exportOnnxFolder(join(folder, "source"), join(folder, "tiny"));
    server = await serveFiles({ library, runtime, models: folder }, page);
    const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"];
    browser = await chromium.launch({ executablePath, args });
    tab = await browser.newPage();
    tab.on("pageerror", (error) => complaints.push(error.message));
    await tab.goto(server.url);
    await tab.waitForFunction("window.library !== undefined");
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    [undefined, 1e-4],
    ["fp16", 1e-2],
    ["q8", 0.1],
  ] as const)("zero-shot-image-classification scores as we do, dtype %s", async (dtype, bound) => {
    const scores = await tab.evaluate<{ label: string; score: number }[]>(scripts.classify(dtype));
    const clip = await openClip(join(folder, "source"), { engine: "current" });
    const ranked = await clip.classify(testPicture(), labels, { templates: ["a picture of {}"] });
    clip.dispose();
    const ours = new Map(ranked.map(({ label, score }) => [label, score]));
    expect(scores).toHaveLength(3);
    for (const { label, score } of scores) {
      expect(Math.abs(score - ours.get(label)!), label).toBeLessThan(bound);
    }
    expect(complaints).toEqual([]);
  });

  test("towers give our embeddings, and nothing is fetched from elsewhere", async () => {
    const { texts, images } = await tab.evaluate<Record<"texts" | "images", number[]>>(scripts.embed);
    const clip = await openClip(join(folder, "source"), { engine: "current" });
    const [ourTexts, ourImages] = [await clip.embedTexts(["a tent"]), await clip.embedImages([testPicture()])];
    clip.dispose();
    expect(largestDifference(texts, ourTexts.values)).toBeLessThan(1e-4);
    expect(largestDifference(images, ourImages.values)).toBeLessThan(1e-4);
    expect(server.asked).toContain("/models/tiny/onnx/text_model.onnx");
    expect(server.asked.filter((path) => path.endsWith("_quantized.onnx"))).toEqual([
      "/models/tiny/onnx/model_quantized.onnx",
    ]);
  });

  test("CLIPModel and the vision tower load by their own classes", async () => {
    const theirs = await tab.evaluate<Record<"tower" | "images" | "texts" | "logits", number[]>>(scripts.models);
    const clip = await openClip(join(folder, "source"), { engine: "current" });
    const { values: image } = await clip.embedImages([testPicture()]);
    const { values: texts } = await clip.embedTexts(["a tent", "the sea at night"]);
    const logits = [0, 1].map((row) => {
      const text = texts.subarray(row * image.length, (row + 1) * image.length);
      const cosine = text.reduce((sum, value, index) => sum + value * image[index]!, 0);
      return cosine * clip.logitScale;
    });
    clip.dispose();
    expect(largestDifference(theirs.tower, image)).toBeLessThan(1e-4);
    expect(largestDifference(theirs.images, image)).toBeLessThan(1e-4);
    expect(largestDifference(theirs.texts, texts)).toBeLessThan(1e-4);
    expect(largestDifference(theirs.logits, logits)).toBeLessThan(1e-3);
    expect(complaints).toEqual([]);
  });
});
