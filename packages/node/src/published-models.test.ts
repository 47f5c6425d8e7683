import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DownloadProgress } from "@clip-ts/hub";
import { clipPreprocess, torchvisionPreprocess } from "@clip-ts/image";
import { formatOpenClipConfig, initClip, preset } from "@clip-ts/model";
import { startLocalHub, type LocalHub } from "@clip-ts/test-utils";
import { streamParams } from "@clip-ts/weights";
import { dispose, type TensorContainer } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openClip } from "./open-clip.ts";
import { openModel, resolveModel } from "./open-model.ts";
import { downloadPublished } from "./published-models.ts";
import { writeModel } from "./write-model.ts";

const weights = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31) % 251);
const utf8 = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

let hub: LocalHub;
let home: string;
beforeEach(async () => {
  hub = await startLocalHub();
  home = await mkdtemp(join(tmpdir(), "clip-ts-names-"));
  vi.stubEnv("HF_ENDPOINT", hub.endpoint).stubEnv("HF_HUB_CACHE", join(home, "hub")).stubEnv("XDG_CACHE_HOME", home);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await rm(home, { recursive: true });
});

/** Weights under OpenAI's names, as open_clip stores them. */
async function chunksOf(params: object): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamParams(params, { layout: "openai" }).chunks()) chunks.push(chunk);
  return chunks;
}

const own = (): AbortSignal => new AbortController().signal; // so that no download is shared with another test

function publish(repository: string, files: Readonly<Record<string, Uint8Array>>): void {
  hub.repositories.set(repository, { files: new Map(Object.entries(files)) });
}

const laion = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K";

test("open_clip's name and tag give its weights with the architecture's config, whatever lies beside them", async () => {
  publish(laion, {
    "config.json": utf8({ model_type: "clip" }),
    "model.safetensors": weights.slice(1),
    "open_clip_config.json": utf8({ model_cfg: "another" }),
    "open_clip_model.safetensors": weights,
    "open_clip_pytorch_model.bin": weights.slice(2),
  });
  const heard: DownloadProgress[] = [];
  const options = { signal: own(), onProgress: (progress: DownloadProgress) => void heard.push(progress) };
  const folder = await resolveModel("ViT-B-32/laion2b_s34b_b79k", options);
  expect((await readdir(folder)).toSorted()).toEqual(["open_clip_config.json", "open_clip_model.safetensors"]);
  expect(await readFile(join(folder, "open_clip_model.safetensors"))).toEqual(Buffer.from(weights));
  expect(await readlink(join(folder, "open_clip_model.safetensors"))).toContain(join("hub", "models--laion"));
  expect(heard.at(-1)).toMatchObject({ file: "open_clip_model.safetensors", received: 300_000, total: 300_000 });
  const { config, preprocess, tokenizer } = await openModel("ViT-B-32:laion2B-s34B_b79k");
  expect(config).toEqual(preset("ViT-B-32"));
  expect(preprocess).toMatchObject({ size: 224, interpolation: "bicubic", resize: "shortest" });
  expect(tokenizer?.encode("a cat")).toHaveLength(4);
  const asked = hub.requests.filter((line) => line.startsWith("GET /store"));
  expect(asked).toHaveLength(1);
});

test("weights of QuickGELU are opened with it, and OpenAI's own name is open_clip's", async () => {
  publish("timm/vit_base_patch32_clip_224.openai", { "open_clip_pytorch_model.bin": weights });
  const { config } = await openModel("ViT-B/32", { signal: own() });
  expect(config).toEqual(preset("ViT-B-32-quickgelu"));
});

test("weights come with the tokenizer that open_clip names, from a repository of its own", async () => {
  publish("timm/ViT-L-16-SigLIP-384", { "open_clip_model.safetensors": weights });
  publish("timm/ViT-B-16-SigLIP", { "tokenizer.json": utf8({ here: true }), "README.md": weights });
  const folder = await resolveModel("ViT-L-16-SigLIP-384", { signal: own() });
  expect(JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8"))).toEqual({ here: true });
  expect(hub.requests.filter((line) => line.includes("README"))).toEqual([]);
  const { preprocess_cfg } = JSON.parse(await readFile(join(folder, "open_clip_config.json"), "utf8")) as {
    preprocess_cfg: object;
  };
  expect(preprocess_cfg).toMatchObject({ mean: [0.5, 0.5, 0.5], resize_mode: "squash" });
});

test("a tokenizer that is a SentencePiece model alone comes with the weights too, and gives open_clip's ids", async () => {
  interface Fixture {
    readonly texts: readonly string[];
    readonly tokenizers: readonly { name: string; models?: Readonly<Record<string, string>>; ids: number[][] }[];
  }
  const path = new URL("../../tokenizer/src/fixtures/pieces.json", import.meta.url);
  const { texts, tokenizers } = JSON.parse(await readFile(path, "utf8")) as Fixture;
  const { models = {} } = tokenizers.find(({ name }) => name === "xlm-roberta")!;
  const { ids } = tokenizers.find(({ name }) => name === "xlm-roberta in open_clip")!;
  publish("timm/vit_gigantic_patch14_clip_224.metaclip2_worldwide", { "open_clip_model.safetensors": weights });
  publish("facebook/xlm-v-base", {
    "sentencepiece.bpe.model": Buffer.from(models["sentencepiece.bpe.model"]!, "base64"),
    "tokenizer_config.json": utf8({ tokenizer_class: "XLMRobertaTokenizer" }),
  });
  const { tokenizer } = await openModel("ViT-bigG-14-worldwide", { signal: own() });
  const pad = 1;
  for (const at of [0, 1, 2]) expect(tokenizer?.encode(texts[at]!)).toEqual(ids[at]!.filter((id) => id !== pad));
});

test("what was fetched once is opened offline", async () => {
  publish(laion, { "open_clip_model.safetensors": weights });
  const folder = await resolveModel("ViT-B-32/laion2b_s34b_b79k", { signal: own() });
  await rm(folder, { recursive: true });
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  expect(await resolveModel("ViT-B-32/laion2b_s34b_b79k", { signal: own() })).toBe(folder);
  await expect(resolveModel("ViT-L-14/laion2b_s32b_b82k", { signal: own() })).rejects.toThrow(
    /hf:laion\/CLIP-ViT-L-14-laion2B-s32B-b82K is not in the cache .* HF_HUB_OFFLINE is set/u,
  );
});

test("a download that is cancelled ends with the reason, and the next one goes on where it was", async () => {
  publish(laion, { "open_clip_model.safetensors": weights });
  const control = new AbortController();
  hub.faults.breakAfter = 100_000;
  const stopped = resolveModel("ViT-B-32/laion2b_s34b_b79k", {
    signal: control.signal,
    onProgress: ({ received }) => received >= 100_000 && control.abort(new Error("enough")),
  });
  await expect(stopped).rejects.toThrow("enough");
  delete hub.faults.breakAfter;
  hub.requests.length = 0;
  await resolveModel("ViT-B-32/laion2b_s34b_b79k", { signal: own() });
  expect(hub.requests.filter((line) => line.startsWith("GET /laion") && line.includes("bytes=100000-"))).toHaveLength(
    1,
  );
});

test("names of transformers' checkpoints are repositories, at a revision too", async () => {
  publish("openai/clip-vit-base-patch32", {
    "config.json": utf8({ model_type: "clip" }),
    "model.safetensors": weights,
  });
  const folder = await resolveModel("openai/clip-vit-base-patch32", { signal: own() });
  expect((await readdir(folder)).toSorted()).toEqual(["config.json", "model.safetensors"]);
  expect(await resolveModel("openai/clip-vit-base-patch32@main", { signal: own() })).toBe(folder);
});

test("of a repository with timm's config and image tower, open_clip's model is fetched", async () => {
  publish("timm/ViT-B-16-SigLIP", {
    "config.json": utf8({ architecture: "vit_base_patch16_siglip_224" }),
    "model.safetensors": weights.slice(1),
    "open_clip_config.json": utf8({ model_cfg: {} }),
    "open_clip_model.safetensors": weights,
  });
  const folder = await resolveModel("hf:timm/ViT-B-16-SigLIP", { signal: own() });
  expect(await readdir(folder)).not.toContain("model.safetensors");
  expect(await readdir(folder)).toContain("open_clip_model.safetensors");
});

test("what lies here under a published name is taken, which is said; what is no model is refused", async () => {
  const place = process.cwd();
  process.chdir(home);
  try {
    await mkdir(join("ViT-B-32", "openai"), { recursive: true });
    await expect(resolveModel("ViT-B-32/openai")).rejects.toThrow(/^There is no model in ViT-B-32\/openai/u);
    await writeFile(join("ViT-B-32", "openai", "config.json"), "{}");
    const said: string[] = [];
    const folder = await resolveModel("ViT-B-32/openai", { onNotice: (line) => said.push(line) });
    expect(folder).toBe(join(process.cwd(), "ViT-B-32", "openai"));
    expect(said).toEqual(["ViT-B-32/openai: what lies here is taken, not the published model."]);
  } finally {
    process.chdir(place);
  }
  expect(hub.requests).toEqual([]);
});

test.each([
  ["ViT-B-32/laion2b", /^ViT-B-32 has no weights "laion2b"\. Name one of ViT-B-32\/openai, ViT-B-32\/laion400m_e31, /u],
  ["RN50", /^RN50 is an architecture with several published weights\. Name one of RN50\/openai, RN50\/yfcc15m, /u],
  [
    "openai/clip-vit-base-patch3",
    /Published names near it: openai\/clip-vit-base-patch32\..* Did you mean hf:openai\/clip-vit-base-patch3\?$/u,
  ],
  ["ViT-B-16-SigLP/webli", /Published names near it: ViT-B-16-SigLIP\/webli, /u],
])("%s is refused with the names that could be meant", async (name, message) => {
  await expect(resolveModel(name)).rejects.toThrow(message);
  expect(hub.requests).toEqual([]);
});

test("weights that the hub does not have come from the list's other address, held against its checksum", async () => {
  const sha256 = createHash("sha256").update(weights).digest("hex").slice(0, 8);
  hub.intercept = (request, response) => {
    if (request.url !== "/release/weights.pt") return false;
    response.writeHead(200, { "content-length": weights.length }).end(request.method === "HEAD" ? undefined : weights);
    return true;
  };
  const found = { kind: "open_clip", repository: "gone/away", url: `${hub.endpoint}/release/weights.pt` } as const;
  const said: string[] = [];
  const options = { signal: own(), onNotice: (line: string) => void said.push(line) };
  const folder = await downloadPublished({ ...found, name: "nano/test", config: {}, sha256 }, options);
  expect(await readFile(join(folder, "open_clip_pytorch_model.bin"))).toEqual(Buffer.from(weights));
  expect(said.join()).toMatch(/gone\/away.* Its other address is tried: http/u);
  hub.requests.length = 0;
  await downloadPublished({ ...found, name: "nano/test", config: {}, sha256 }, options);
  expect(hub.requests.filter((line) => line.includes("/release/"))).toEqual([]);
  const wrong = downloadPublished({ ...found, name: "nano/other", config: {}, sha256: "00000000" }, options);
  await expect(wrong).rejects.toThrow(/arrived damaged: its SHA-256 is [0-9a-f]{64}, and should begin with 00000000/u);
});

test("bare weights are computed as their architecture's config says, heads above all", async () => {
  const config = preset("nano"); // heads of 8 numbers: from shapes alone nobody would guess them
  const params = initClip(config, 3);
  const images = [{ data: new Uint8Array(3 * 8 * 8).fill(90), width: 8, height: 8, channels: 3 }] as const;
  const embed = async (model: string): Promise<Float32Array> => {
    const clip = await openClip(model, { engine: "cpu", onNotice: () => undefined });
    try {
      return (await clip.embedImages(images)).values;
    } finally {
      clip.dispose();
    }
  };
  const folder = join(home, "whole");
  const preprocess = torchvisionPreprocess(clipPreprocess(8));
  await writeModel(folder, { config, preprocess }, params);
  publish("owner/nano", { "open_clip_model.safetensors": Buffer.concat(await chunksOf(params)) });
  const found = { kind: "open_clip", name: "nano/weights", repository: "owner/nano" } as const;
  const published = await downloadPublished({ ...found, config: formatOpenClipConfig(config) }, { signal: own() });
  const [expected, actual] = [await embed(folder), await embed(published)];
  dispose(params as object as TensorContainer);
  expect(expected.some((value) => value !== 0)).toBe(true);
  expect(actual).toEqual(expected);
});
