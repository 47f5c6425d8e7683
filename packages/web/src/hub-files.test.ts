import { graphPath, weightsDtypes } from "@clip-ts/base";
import { flattenTree } from "@clip-ts/core";
import { clipFunctions, clipGraph, closing, openModelIn } from "@clip-ts/inference";
import { formatClipConfig, formatOpenClipConfig, initClip, preset } from "@clip-ts/model";
import { exportOnnx } from "@clip-ts/onnx";
import { largestDifference, startLocalHub, type LocalHub } from "@clip-ts/test-utils";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { saveParams, streamParams, toBytes } from "@clip-ts/weights";
import { setBackend, type Tensor } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FetchProgress } from "./fetch.ts";
import { publishedFiles } from "./hub-files.ts";
import type { FileCache } from "./kept-files.ts";
import { openClip, type OpenClipOptions } from "./open-clip.ts";

const config = preset("nano");
const utf8 = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const grey = { data: new Uint8Array(3 * 8 * 8).fill(90), width: 8, height: 8, channels: 3 } as const;

/** The vocabulary is CLIP's cut to 600 ids, which the repository's own files say. */
const tokenizer = Object.entries(createClipTokenizer({ contextLength: 12, vocabSize: 600 }).files()).map(
  ([name, content]): [string, Uint8Array] => [name, utf8(content as object)],
);

let hub: LocalHub;
beforeEach(async () => {
  await setBackend("cpu");
  hub = await startLocalHub();
  const files = new Map([
    ["config.json", utf8(formatClipConfig(config))],
    ["model.safetensors", toBytes(await saveParams(initClip(config, 5)))],
    ["pytorch_model.bin", new Uint8Array(9)],
    ...tokenizer,
  ]);
  hub.repositories.set("owner/nano", { files });
});
afterEach(() => {
  vi.unstubAllGlobals();
  return hub.close();
});

/** A cache as the browser's: an answer by its address, which can be read again and again. */
function memoryCache(): FileCache & { readonly kept: Map<string, Response> } {
  const kept = new Map<string, Response>();
  return {
    kept,
    match: (url) => Promise.resolve(kept.get(url)?.clone()),
    put: async (url, response) => void kept.set(url, response),
  };
}

const options = (more: OpenClipOptions = {}): OpenClipOptions => ({ engine: "current", hub: hub.endpoint, ...more });

async function embedding(opening: ReturnType<typeof openClip>): Promise<Float32Array> {
  const clip = await opening;
  const { values } = await clip.embedImages([grey]);
  clip.dispose();
  return values;
}

test("a model of the hub is fetched at its commit, kept, and opened again without the hub", async () => {
  const cache = memoryCache();
  const heard: FetchProgress[] = [];
  const first = await embedding(openClip("hf:owner/nano", options({ cache, onProgress: (each) => heard.push(each) })));
  expect(heard.at(-1)).toMatchObject({ file: "model.safetensors" });
  expect(heard.at(-1)?.loadedBytes).toBe(heard.at(-1)?.totalBytes);
  expect(hub.requests.filter((line) => line.includes("/resolve/main/"))).toEqual([]);
  expect(hub.requests.filter((line) => line.includes("pytorch_model"))).toEqual([]);
  hub.requests.length = 0;
  expect(await embedding(openClip("hf:owner/nano", options({ cache })))).toEqual(first);
  expect(hub.requests).toEqual(["GET /api/models/owner/nano/revision/main"]);
  const { endpoint } = hub;
  await hub.close();
  const said: string[] = [];
  const away = options({ cache, hub: endpoint, onNotice: (line) => said.push(line) });
  expect(await embedding(openClip("hf:owner/nano", away))).toEqual(first);
  expect(said.join()).toContain("What was fetched before is used.");
  await expect(openClip("hf:owner/nano", options({ cache: false }))).rejects.toThrow("cannot be reached");
});

test.each([
  ["hf:owner/graphs", undefined, ""],
  ["hf-hub:owner/graphs", "q8", "_quantized"],
] as const)(
  "%s without weights is embedded with by its graphs, as %s, and no others come",
  async (name, dtype, suffix) => {
    const host = Object.fromEntries(
      Object.entries(flattenTree<Tensor>(initClip(config, 5))).map(([path, leaf]) => [
        path,
        { data: leaf.dataSync<"float32">(), shape: leaf.shape },
      ]),
    );
    const files = new Map([["config.json", utf8(formatClipConfig(config))], ...tokenizer]);
    for (const side of ["text_model", "vision_model"] as const) {
      const graph = clipGraph(clipFunctions(config)[side], config, host);
      const wideInputs = side === "text_model" ? ["input_ids"] : [];
      for (const precision of weightsDtypes) {
        const { model } = exportOnnx(graph, { file: "f.onnx", wideInputs, precision });
        files.set(graphPath(side, precision), model);
      }
    }
    hub.repositories.set("owner/graphs", { files });
    const cache = memoryCache();
    const onNotice = (): void => undefined;
    const more: OpenClipOptions = { cache, engine: "onnx", onNotice, ...(dtype !== undefined && { dtype }) };
    const weights = await embedding(openClip("hf:owner/nano", options({ cache })));
    const found = await embedding(openClip(name, options(more)));
    expect(largestDifference(found, weights)).toBeLessThan(dtype === undefined ? 1e-5 : 0.08);
    const asked = hub.requests.flatMap((line) => /^GET .*\/resolve\/\w+\/onnx\/(\S+)/u.exec(line)?.[1] ?? []);
    expect(asked.toSorted()).toEqual([`text_model${suffix}.onnx`, `vision_model${suffix}.onnx`]);
  },
);

test("a download can be cancelled, and nothing of it is kept", async () => {
  const cache = memoryCache();
  const control = new AbortController();
  const onProgress = (): void => control.abort(new Error("enough"));
  const opening = openClip("hf:owner/nano", options({ cache, onProgress, signal: control.signal }));
  await expect(opening).rejects.toThrow("enough");
  expect([...cache.kept.keys()].filter((url) => url.includes("safetensors"))).toEqual([]);
});

test("what cannot be kept is used all the same, and said", async () => {
  const full: FileCache = {
    match: () => Promise.resolve(undefined),
    put: () => Promise.reject(new DOMException("full", "QuotaExceededError")),
  };
  const said: string[] = [];
  await embedding(openClip("hf:owner/nano", options({ cache: full, onNotice: (line) => said.push(line) })));
  expect(said.join()).toMatch(/model\.safetensors was fetched, but the browser does not keep it/u);
});

test.each([
  ["hf:owner/none", /api\/models\/owner\/none\/revision\/main: the server answered 401/u],
  ["hf:owner/", /expected hf:owner\/name/u],
  ["ViT-B-32/none", /^ViT-B-32 has no weights "none"\. Name one of ViT-B-32\/openai/u],
])("%s is refused", async (name, message) => {
  await expect(openClip(name, options({ cache: false }))).rejects.toThrow(message);
});

test("an unknown name is an address, whose error has the published names near it", async () => {
  const fetch = (): Promise<Response> => Promise.resolve(new Response("", { status: 404 }));
  vi.stubGlobal("location", new URL("https://page.test/"));
  const opening = openClip("openai/clip-vit-base-patch3", options({ fetch }));
  await expect(opening).rejects.toThrow(/ Published models of such a name: openai\/clip-vit-base-patch32\.$/u);
});

test("open_clip's weights are opened by its list's config, with the tokenizer that it names", async () => {
  const params = initClip(config, 5);
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamParams(params, { layout: "openai" }).chunks()) chunks.push(chunk);
  const files = new Map([
    ["config.json", utf8({ architecture: "timm's" })],
    ["open_clip_model.safetensors", Uint8Array.from(Buffer.concat(chunks))],
  ]);
  hub.repositories.set("owner/weights", { files });
  hub.repositories.set("owner/words", { files: new Map(tokenizer) });
  const found = {
    kind: "open_clip",
    name: "nano/test",
    repository: "owner/weights",
    tokenizer: "owner/words",
  } as const;
  const served = await publishedFiles({ ...found, config: formatOpenClipConfig(config) }, options({ cache: false }));
  await closing(await openModelIn(served, { onNotice: () => undefined }), async (model) => {
    const { vision } = model.config;
    expect([vision.kind, "heads" in vision && vision.heads]).toEqual([config.vision.kind, 2]);
    expect((await model.weights()).names.length).toBeGreaterThan(20);
  });
  expect(await served.readText("tokenizer.json")).toBeDefined();
});

test("a tokenizer that is a SentencePiece model alone is served with open_clip's weights", async () => {
  const pieces = Uint8Array.of(10, 3, 10, 1, 97);
  const weights = new Map([["open_clip_model.safetensors", new Uint8Array(9)]]);
  hub.repositories.set("owner/weights", { files: weights });
  const words = new Map([
    ["spiece.model", pieces],
    ["tokenizer_config.json", utf8({})],
    ["README.md", pieces],
  ]);
  hub.repositories.set("owner/pieces", { files: words });
  const found = { kind: "open_clip", name: "a/b", repository: "owner/weights", tokenizer: "owner/pieces" } as const;
  const served = await publishedFiles({ ...found, config: {} }, options({ cache: false }));
  const source = await served.open("spiece.model");
  expect(await source?.read(0, source.size)).toEqual(pieces);
  expect(await served.open("sentencepiece.bpe.model")).toBeUndefined();
  expect(await served.open("README.md")).toBeUndefined();
  expect(await served.readText("tokenizer_config.json")).toBe("{}");
});

test("names of open_clip's list lead to their repositories", async () => {
  await expect(openClip("ViT-B-32/laion2b_s34b_b79k", options({ cache: false }))).rejects.toThrow(
    /laion\/CLIP-ViT-B-32-laion2B-s34B-b79K/u,
  );
  expect(hub.requests).toEqual(["GET /api/models/laion/CLIP-ViT-B-32-laion2B-s34B-b79K/revision/main"]);
});
