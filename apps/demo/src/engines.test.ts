// The engines of @clip-ts/web in a real Chromium: in a page that is isolated from other origins, where threads
// share memory, and in one that is not; and what runs where a file is missing.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { flattenTree, toHost, type HostArrays } from "@clip-ts/core";
import type * as Inference from "@clip-ts/inference";
import { closing, loadHostParams } from "@clip-ts/inference";
import { eagerEmbedder, initClip, preset, type ClipConfig } from "@clip-ts/model";
import { openModel } from "@clip-ts/node";
import { goldenArrays, goldenPath, relativeError } from "@clip-ts/test-utils";
import type * as Web from "@clip-ts/web";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createServer, type ViteDevServer } from "vite";
import type { engineFiles } from "./engine-files.ts";
import { hasChromium, launchChromium, writeRandomModel } from "./test-page.ts";

vi.setConfig({ testTimeout: 180_000 }); // pages that compile, several to a test

const root = fileURLToPath(new URL("..", import.meta.url));
const sourceOf = (name: string): string =>
  `/@fs${fileURLToPath(new URL(`../../../packages/${name}/src/index.ts`, import.meta.url))}`;

/** What the page below offers. */
declare const lab: {
  readonly web: typeof Web;
  readonly inference: typeof Inference;
  readonly files: typeof engineFiles;
  embedder?: Awaited<ReturnType<typeof Inference.compileEmbedder>>;
};

const script = `
  import * as web from "${sourceOf("web")}";
  import * as inference from "${sourceOf("inference")}";
  import { engineFiles as files } from "/src/engine-files.ts";
  globalThis.lab = { web, inference, files };`;
const body = `<!doctype html><title>lab</title><script type="module">${script}</script>`;
const isolating = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

let folder = "";
let server: ViteDevServer;
let browser: Browser;

/** A page with the packages, isolated or not. */
async function openLab({
  isolated,
  inside = browser,
}: {
  readonly isolated: boolean;
  readonly inside?: Browser;
}): Promise<Page> {
  const page = await inside.newPage();
  const headers = isolated ? isolating : {};
  await page.route("**/lab.html", (route) => route.fulfill({ contentType: "text/html", body, headers }));
  await page.goto(`${server.resolvedUrls?.local[0]}lab.html`);
  await page.waitForFunction("globalThis.lab");
  expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(isolated);
  return page;
}

type Numbers = readonly number[];

/** Input of a model: pixels of some images, ids of some captions. */
interface Input {
  readonly pixels: Numbers;
  readonly rows: number;
  readonly ids: Numbers;
  readonly tokens: number;
}

const inputOf = (file: string): Input => {
  const { pixel_values: pixels, input_ids: ids } = goldenArrays(file);
  return {
    pixels: [...pixels!.values],
    rows: pixels!.shape[0] as number,
    ids: [...ids!.values],
    tokens: ids!.shape[1] as number,
  };
};

/** Compiles a model in the page, on an engine that is started there if none was. */
async function compileIn(
  page: Page,
  config: ClipConfig,
  weights: HostArrays,
  engine: "onnx" | "onnx-gpu" = "onnx",
): Promise<void> {
  const sent = Object.entries(weights).map(([path, { data, shape }]) => {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return { path, shape, base64: bytes.toString("base64") };
  });
  await page.evaluate(
    async ({ config, sent, engine }) => {
      const arrays = sent.map(({ path, shape, base64 }) => {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        return [path, { data: new Float32Array(bytes.buffer), shape }] as const;
      });
      const { compiler } = await lab.web.startEngine(engine, lab.files);
      if (compiler === undefined) throw new Error(`${engine} compiles`);
      const weights = Object.fromEntries(arrays);
      lab.embedder?.dispose();
      lab.embedder = await lab.inference.compileEmbedder(weights, config, compiler.target);
    },
    { config, sent, engine },
  );
}

/** Features of both towers, by the page's embedder. */
function embedIn(page: Page, input: Input): Promise<{ images: Numbers; texts: Numbers }> {
  return page.evaluate(async ({ pixels, rows, ids, tokens }) => {
    const { embedder } = lab;
    if (embedder === undefined) throw new Error("Nothing has been compiled.");
    const inputIds = Int32Array.from(ids);
    const [images, texts] = await Promise.all([
      embedder.images(Float32Array.from(pixels), rows),
      embedder.texts({ inputIds, batch: inputIds.length / tokens, tokens }),
    ]);
    return { images: [...images], texts: [...texts] };
  }, input);
}

const families = [
  ["CLIP's ViT", "clip-vit", "image_embeds"],
  ["SigLIP", "siglip", "image_embeds"],
  ["ResNet", "clip-resnet", "image_embeds_eval"],
  ["ViT and RoBERTa", "dual-encoder", "image_embeds"],
] as const;

/** Rows of length 1. */
function unitRows(values: ArrayLike<number>, rows: number): number[] {
  const dim = values.length / rows;
  return Array.from(values, (value, index) => {
    const start = index - (index % dim);
    return value / Math.hypot(...Array.from(values).slice(start, start + dim));
  });
}

describe.skipIf(!hasChromium())("engines in a browser", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "clip-ts-engines-"));
    process.env["CLIP_MODEL"] = await writeRandomModel(join(folder, "model"));
    server = await createServer({
      root,
      cacheDir: join(folder, "cache"),
      logLevel: "warn",
      server: { port: 0, host: "127.0.0.1" },
    });
    await server.listen();
    browser = await launchChromium();
  });

  afterAll(async () => {
    delete process.env["CLIP_MODEL"];
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("an isolated page has threads, another has one, and both say so", async () => {
    const started = async (isolated: boolean, threads?: number) => {
      const page = await openLab({ isolated });
      const engine = await page.evaluate(async (threads) => {
        const asked = threads === undefined ? {} : { threads };
        const { compiler: _, ...engine } = await lab.web.startEngine("auto", {
          ...lab.files,
          ...asked,
        });
        return engine;
      }, threads);
      const workers = page.workers().length;
      await page.close();
      return { ...engine, workers };
    };
    const three = await started(true, 3);
    expect(three).toMatchObject({ name: "onnx", threads: 3, workers: 2 });
    expect(three.detail).toMatch(/WebAssembly, 3 threads$/u);
    expect(three.reason).not.toContain("isolated");
    const one = await started(false, 3);
    expect(one).toMatchObject({ name: "onnx", threads: 1, workers: 0 });
    expect(one.reason).toMatch(/one thread, as the page is not cross-origin isolated$/u);
  });

  test.each([true, false])(
    "every family gives the features of the Python originals, isolated: %s",
    async (isolated) => {
      const page = await openLab({ isolated });
      for (const [name, place, images] of families) {
        const path = goldenPath(`${place}/io.safetensors`);
        await closing(await openModel(dirname(path)), async (model) =>
          compileIn(page, model.config, await loadHostParams(model)),
        );
        const input = inputOf(`${place}/io.safetensors`);
        const features = await embedIn(page, input);
        const golden = goldenArrays(`${place}/io.safetensors`);
        const expected = unitRows(golden[images]!.values, input.rows);
        expect(relativeError(features.images, expected), name).toBeLessThan(1e-5);
        const texts = unitRows(golden["text_embeds"]!.values, golden["text_embeds"]!.shape[0]!);
        expect(relativeError(features.texts, texts), name).toBeLessThan(1e-5);
      }
      await page.close();
    },
  );

  test("one compilation serves every batch size and caption length, and frees its weights", async () => {
    const config = preset("nano");
    const params = initClip(config, 4);
    const leaves = Object.entries(flattenTree<Tensor>(params));
    const hosted = leaves.map(async ([path, leaf]) => [path, await toHost(leaf)] as const);
    const page = await openLab({ isolated: true });
    await compileIn(page, config, Object.fromEntries(await Promise.all(hosted)));
    const eager = await eagerEmbedder(params, config);
    for (const [rows, tokens] of [
      [1, 12],
      [7, 3],
      [2, 8],
      [7, 12],
    ] as const) {
      const pixels = Float32Array.from({ length: rows * 3 * 64 }, (_, index) => Math.sin(index));
      const ids = Array.from({ length: rows * tokens }, (_, index) =>
        index % tokens === tokens - 1 ? config.text.endTokenId : (index * 7) % 500,
      );
      const actual = await embedIn(page, { pixels: [...pixels], rows, ids, tokens });
      const texts = await eager.texts({ inputIds: Int32Array.from(ids), batch: rows, tokens });
      expect(relativeError(actual.texts, texts)).toBeLessThan(1e-5);
      expect(relativeError(actual.images, await eager.images(pixels, rows))).toBeLessThan(1e-5);
    }
    eager.dispose();
    await page.evaluate(() => lab.embedder?.dispose());
    const input = { pixels: [], rows: 0, ids: [], tokens: 1 };
    await expect(embedIn(page, input)).rejects.toThrow(/This embedder was disposed/u);
    await page.close();
  });

  test("WebGPU that draws on the CPU computes the same, but only if it is asked for by name", async () => {
    const inside = await launchChromium({ webgpu: true });
    const page = await openLab({ isolated: true, inside });
    const path = goldenPath("clip-vit/io.safetensors");
    await closing(await openModel(dirname(path)), async (model) =>
      compileIn(page, model.config, await loadHostParams(model), "onnx-gpu"),
    );
    const input = inputOf("clip-vit/io.safetensors");
    const { images } = await embedIn(page, input);
    const golden = goldenArrays("clip-vit/io.safetensors")["image_embeds"]!;
    expect(relativeError(images, unitRows(golden.values, input.rows))).toBeLessThan(1e-5);
    const chosen = await page.evaluate(async () => {
      const { name, reason } = await lab.web.startEngine("auto", lab.files);
      return { name, reason };
    });
    expect(chosen.name).toBe("onnx");
    expect(chosen.reason).toMatch(/^onnx-gpu: WebGPU draws on the CPU \(.*swiftshader/u);
    await inside.close();
  });

  test("in a worker of the page too", async () => {
    const page = await openLab({ isolated: true });
    const worker = `import * as web from "${server.resolvedUrls?.local[0]}@fs/${sourceOf("web").slice(5)}";
      import { engineFiles } from "${server.resolvedUrls?.local[0]}src/engine-files.ts";
      const engine = await web.startEngine("onnx", engineFiles);
      postMessage({ name: engine.name, threads: engine.threads });`;
    const engine = await page.evaluate(async (text) => {
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      const started = new Worker(url, { type: "module" });
      return new Promise((resolve, reject) => {
        started.addEventListener("message", ({ data }) => resolve(data));
        started.addEventListener("error", ({ message }) => reject(new Error(message)));
      });
    }, worker);
    const threads = await page.evaluate(() => Math.min(navigator.hardwareConcurrency, 8));
    expect(engine).toEqual({ name: "onnx", threads });
    await page.close();
  });

  test.each(["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.mjs"])(
    "without %s TensorFlow.js runs the model, which is said",
    async (file) => {
      const page = await openLab({ isolated: true });
      await page.route(`**/${file}*`, (route) => route.fulfill({ status: 404, body: "" }));
      const run = (engine: "auto" | "onnx") =>
        page.evaluate(async (engine) => {
          const heard: string[] = [];
          const clip = await lab.web.openClip("/model/", {
            ...lab.files,
            engine,
            onEngine: ({ name }) => heard.push(name),
            onNotice: (line) => heard.push(line),
          });
          const { values } = await clip.embedTexts(["a cat"]);
          clip.dispose();
          return { heard, length: Math.hypot(...values) };
        }, engine);
      const { heard, length } = await run("auto");
      expect(heard).toEqual([
        expect.stringMatching(/^onnx: ONNX Runtime did not start.*onnxPaths.*several times slower/u),
        "wasm",
      ]);
      expect(length).toBeCloseTo(1, 5);
      await expect(run("onnx")).rejects.toThrow(/did not start/u);
      await page.close();
    },
  );
});
