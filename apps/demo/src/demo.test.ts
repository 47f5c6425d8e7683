// The built page, served by `vite preview`, used as a person would in a real Chromium.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scoresOf } from "@clip-ts/model";
import { openClip } from "@clip-ts/node";
import { measureBackground, openFlatIndex, searchPictures } from "@clip-ts/search";
import axe, { type AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { build, preview, type PreviewServer } from "vite";
import { emojiFolder, readEmojiIndex } from "./server.ts";
import { hasChromium, launchChromium, writeRandomModel } from "./test-page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const screenshots = join(root, ".test-output");
const settings = { root, logLevel: "warn" } as const;

let folder = "";
let model = "";
let server: PreviewServer;
let browser: Browser;
let page: Page;
/** What the page complained about on its console. */
const complaints: string[] = [];
/** The first drawings, and those that the page offers as samples: all 1,800 would take long. */
let emoji: Awaited<ReturnType<typeof readEmojiIndex>> = [];

/** A picture with half transparent shapes and soft edges, as a PNG file. */
async function writePicture(): Promise<string> {
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="150" height="97">
    <circle cx="70" cy="50" r="40" fill="#d33" opacity="0.7"/>
    <path d="M9 90 L70 8 L140 90" fill="#28b8"/></svg>`;
  const path = join(folder, "picture.png");
  await sharp(Buffer.from(drawing)).png().toFile(path);
  return path;
}

/** Opens the page, with its collection cut to `emoji`; served without the headers that isolate it if that is asked. */
async function openPage(how: "isolated" | "not isolated" = "isolated"): Promise<void> {
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.route("**/emoji/index.json", (route) => route.fulfill({ json: emoji }));
  const address = server.resolvedUrls?.local[0] ?? "";
  if (how === "not isolated") {
    await page.route(address, async (route) => {
      const response = await route.fetch();
      const { "cross-origin-opener-policy": _, ...headers } = response.headers();
      await route.fulfill({ response, headers });
    });
  }
  await page.goto(address);
}

/** Rows of a list as the page shows them: a name and a number in full precision. */
async function readRows(list: string): Promise<{ label: string; value: number }[]> {
  return page.locator(`${list} li`).evaluateAll((rows) =>
    rows.map((row) => ({
      label: row.querySelector("span:not(.bar)")?.textContent ?? "",
      value: Number(row.querySelector("data")?.value),
    })),
  );
}

const rounded = (rows: readonly { readonly label: string; readonly value: number }[]): string[] =>
  rows.map(({ label, value }) => `${label} ${value.toFixed(4)}`);

async function seriousViolations(): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>("axe.run()");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

describe.skipIf(!hasChromium())("the demo", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "clip-ts-demo-"));
    await mkdir(screenshots, { recursive: true });
    model = await writeRandomModel(join(folder, "model"));
    process.env["CLIP_MODEL"] = model;
    const all = await readEmojiIndex();
    const samples = all.filter(({ label }) => label === "cat face" || label === "rocket");
    emoji = [...all.slice(0, 40), ...samples];
    const outDir = join(folder, "dist");
    await build({ ...settings, build: { outDir, emptyOutDir: true, reportCompressedSize: false } });
    const address = { port: 0, host: "127.0.0.1" };
    server = await preview({ ...settings, build: { outDir }, preview: address });
    browser = await launchChromium();
  });

  afterEach(async () => {
    await page.close();
    process.env["CLIP_MODEL"] = model;
    expect(complaints.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    delete process.env["CLIP_MODEL"];
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("says what to do when there is no model", async () => {
    process.env["CLIP_MODEL"] = join(folder, "nowhere");
    await openPage();
    const notice = page.getByRole("alert");
    await notice.getByText("npm run quickstart").waitFor();
    await page.screenshot({ path: join(screenshots, "no-model.png") });
    expect(await notice.innerText()).toMatch(/model\/model\.safetensors cannot be opened/u);
    expect(await page.getByRole("progressbar").count()).toBe(0);
    expect(await seriousViolations()).toEqual([]);
  });

  test("says which engine runs, on how many threads, and why", async () => {
    const facts = async (): Promise<string> => {
      await page.getByText("Loaded in").waitFor();
      return page.locator("#facts").innerText();
    };
    await openPage();
    const cores = await page.evaluate(() => Math.min(navigator.hardwareConcurrency, 8));
    const threads = cores === 1 ? "1 thread" : `${cores} threads`;
    expect(await facts()).toMatch(new RegExp(`onnx: .* WebAssembly, ${threads}\\n`, "u"));
    await page.close();

    await openPage("not isolated");
    expect(await facts()).toMatch(/WebAssembly, 1 thread\n[^]*not cross-origin isolated/u);
  });

  test("classifies a picture as Node does", async () => {
    const picture = await writePicture();
    await openPage();
    await page.getByLabel("Drop a picture here").setInputFiles(picture);
    await page.getByLabel("Labels, one a line").fill("a red circle, the sea\na tent");
    await page.getByLabel("Caption").fill("a picture of {}");

    const clip = await openClip(model, { engine: "cpu" });
    const labels = ["a red circle", "the sea", "a tent"];
    const expected = await clip.classify(picture, labels, { templates: ["a picture of {}"] });
    clip.dispose();
    const rows = expected.map(({ label, probability }) => ({ label, value: probability }));
    await expect.poll(async () => rounded(await readRows("#ranking"))).toEqual(rounded(rows));
    const shown = await readRows("#ranking");
    expect(shown.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(1, 5);
    expect(await page.getByRole("img", { name: "The chosen picture" }).isVisible()).toBe(true);
  });

  test("ranks the emoji for a query as Node does", async () => {
    await openPage();
    await page.getByLabel("Describe a drawing").fill("a cat that smiles");
    await page.getByLabel("Show also what does not fit").check();
    await page.getByText(`Compared with ${emoji.length} emoji;`).waitFor();

    const clip = await openClip(model, { engine: "wasm" });
    const query = await clip.embedTexts(["a cat that smiles"]);
    const drawings = await clip.embedImages(emoji.map(({ file }) => join(emojiFolder(), file)));
    clip.dispose();
    const scores = scoresOf(query, 0, drawings);
    const best = emoji
      .map(({ label }, index) => ({ label, value: scores[index] ?? Number.NaN }))
      .toSorted((a, b) => b.value - a.value)
      .slice(0, 24);
    await expect.poll(async () => rounded(await readRows("#matches"))).toEqual(rounded(best));
  });

  test("combines queries, and says that nothing fits where Node finds that nothing does", async () => {
    const clip = await openClip(model, { engine: "wasm" });
    const index = await openFlatIndex({ dim: clip.config.projectionDim, fields: {} });
    const vectors = await clip.embedImages(emoji.map(({ file }) => join(emojiFolder(), file)));
    await index.add({ ids: emoji.map(({ file }) => file), vectors, fields: emoji.map(() => ({})) });
    const embedders = { texts: (texts: readonly string[]) => clip.embedTexts(texts) };
    const parts = { index, embedders, background: await measureBackground(index, embedders) };

    await openPage();
    await page.getByText(`Compared with ${emoji.length} emoji;`).waitFor();
    const nothing = page.getByText("None of the emoji fits.");
    const verdicts = new Set<boolean>();
    const picture = `@id:${emoji[0]?.file ?? ""}`;
    for (const query of [
      '2:"a cat" - "a blue car"',
      "sunset",
      "a dog",
      "smiling",
      "seven",
      "zebra",
      `${picture} + hat`,
    ]) {
      const { hits, fits } = await searchPictures(parts, query, { count: 24 });
      verdicts.add(fits);
      await page.getByLabel("Describe a drawing").fill(query);
      await expect.poll(async () => (await readRows("#matches")).length).toBe(hits.length);
      await expect.poll(() => nothing.isVisible()).toBe(!fits);
    }
    clip.dispose();
    expect(verdicts).toEqual(new Set([false, true]));
    await page.getByLabel("Describe a drawing").fill('"a cat" +');
    await expect.poll(() => page.locator("#search-status").innerText()).toMatch(/^query, column 10: expected words/u);
  });

  test("works from the keyboard: a sample is chosen and classified", async () => {
    await openPage();
    const [cat, rocket] = [
      page.getByRole("button", { name: "cat face" }),
      page.getByRole("button", { name: "rocket" }),
    ];
    await expect.poll(() => cat.getAttribute("aria-pressed")).toBe("true");
    await expect.poll(async () => (await readRows("#ranking")).length).toBe(8);
    const before = rounded(await readRows("#ranking"));
    await cat.focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expect.poll(() => rocket.getAttribute("aria-pressed")).toBe("true");
    expect(await cat.getAttribute("aria-pressed")).toBe("false");
    await expect.poll(async () => rounded(await readRows("#ranking"))).not.toEqual(before);
  });

  test("takes a dropped picture, and says what is wrong with other things", async () => {
    await openPage();
    await page.getByText("Loaded in").waitFor();
    const status = page.locator("#classify-status");
    const drop = (name: string, text: string): Promise<void> =>
      page.locator("#drop").evaluate(
        (target, [name = "", text = ""]) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([text], name, { type: "image/svg+xml" }));
          target.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        },
        [name, text],
      );
    await drop("notes.txt", "no picture");
    await expect.poll(() => status.innerText()).toMatch(/^notes\.txt is not an image/u);
    expect(await readRows("#ranking")).toEqual([]);
    await page.getByLabel("Drop a picture here").setInputFiles(await writePicture());
    await expect.poll(async () => (await readRows("#ranking")).length).toBe(8);
    await page.getByLabel("Caption").fill("no place for it");
    await expect.poll(() => status.innerText()).toMatch(/has no \{\} where the label should go/u);
    await page.getByLabel("Labels, one a line").fill(" , ");
    await expect.poll(() => status.innerText()).toBe("Type a label first.");
  });

  test("says so when the engine cannot start", async () => {
    page = await browser.newPage();
    await page.route("**/*.wasm", (route) => route.fulfill({ status: 404, body: "" }));
    await page.goto(server.resolvedUrls?.local[0] ?? "");
    await page.getByRole("alert").getByText("The WebAssembly engine did not start.").waitFor();
  });

  test("serves nothing but the files it names", async () => {
    await openPage();
    for (const path of ["/emoji/..%2Fpackage.json", "/model/..%2F..%2Fpackage.json"]) {
      const response = await page.request.get(new URL(path, page.url()).href);
      expect(await response.text()).not.toContain('"name"');
    }
  });

  test("is readable in any width and at night, and without a mouse or eyes", async () => {
    await openPage();
    await page.getByText(/^Compared with/u).waitFor();
    await page.screenshot({ path: join(screenshots, "wide.png") });
    expect(await seriousViolations()).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: join(screenshots, "narrow.png"), fullPage: true });
    const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
    expect(overflow).toBeLessThanOrEqual(0);
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.screenshot({ path: join(screenshots, "dark.png") });
    expect(await seriousViolations()).toEqual([]);
  });
});
