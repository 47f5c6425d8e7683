import { mkdtemp, readFile, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hubToken, startLocalHub, type LocalHub } from "@clip-ts/test-utils";
import { afterEach, beforeEach, expect, test } from "vitest";
import { config, quick, weights } from "./fixtures/hostile.ts";
import { downloadModel, type DownloadProgress } from "./download-model.ts";
import { parseHubReference } from "@clip-ts/base";
import { hubSettings, type HubSettings } from "./hub-settings.ts";

let hub: LocalHub;
let cache: string;
let settings: HubSettings & Pick<typeof quick, "retry">;
beforeEach(async () => {
  hub = await startLocalHub();
  cache = await mkdtemp(join(tmpdir(), "clip-ts-hub-"));
  settings = { ...quick, endpoint: hub.endpoint, cache };
  const files = new Map<string, Uint8Array>([
    ["README.md", config],
    ["config.json", config],
    ["model.safetensors", weights],
    ["pytorch_model.bin", weights.slice(1)],
  ]);
  hub.repositories.set("owner/name", { files });
});
afterEach(async () => {
  await hub.close();
  await rm(cache, { recursive: true });
});

const download = (options: { onProgress?: (progress: DownloadProgress) => void } = {}) =>
  downloadModel("hf:owner/name", { settings, ...options });
const holdsWeights = async (folder: string): Promise<boolean> =>
  (await readFile(join(folder, "model.safetensors"))).equals(weights);
const root = (): string => join(cache, "models--owner--name");
const asked = (pattern: RegExp): string[] => hub.requests.filter((line) => pattern.test(line));

test("a model is laid into the cache as Hugging Face's own tools lay it", async () => {
  const folder = await download();
  expect((await readdir(folder)).toSorted()).toEqual(["config.json", "model.safetensors"]);
  expect(await holdsWeights(folder)).toBe(true);
  const commit = await readFile(join(root(), "refs", "main"), "utf8");
  expect(folder).toBe(join(root(), "snapshots", commit));
  const link = await readlink(join(folder, "model.safetensors"));
  expect(link).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/u);
  expect(await readlink(join(folder, "config.json"))).toMatch(/blobs\/[0-9a-f]{40}$/u);
  expect(asked(/README|pytorch_model/u)).toEqual([]);
});

test("all that describes a model comes along, in transformers' older and newer form", async () => {
  const files = hub.repositories.get("owner/name")?.files;
  for (const name of ["preprocessor_config.json", "processor_config.json", "tokenizer.json"]) {
    files?.set(name, config);
  }
  expect((await readdir(await download())).toSorted()).toEqual([
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
  ]);
});

test("what is there is not fetched again; a changed file alone is", async () => {
  await download();
  hub.requests.length = 0;
  await download();
  expect(hub.requests).toEqual(["GET /api/models/owner/name/revision/main"]);
  hub.repositories.get("owner/name")?.files.set("config.json", weights.slice(0, 50));
  hub.requests.length = 0;
  const folder = await download();
  expect(asked(/store/u)).toEqual([]);
  expect((await readFile(join(folder, "config.json"))).byteLength).toBe(50);
  expect((await readFile(join(folder, "model.safetensors"))).byteLength).toBe(weights.length);
});

test("a connection that breaks is taken up where it broke", async () => {
  hub.faults.breakAfter = 100_000;
  const progress: DownloadProgress[] = [];
  const patient = { ...settings, retry: { ...settings.retry, retries: 20 } };
  const folder = await downloadModel("hf:owner/name", {
    settings: patient,
    onProgress: (piece) => progress.push(piece),
  });
  expect(await holdsWeights(folder)).toBe(true);
  const [first, ...others] = asked(/store/u).map((line) => / bytes=\d+-$/u.exec(line)?.[0]);
  expect(first).toBeUndefined();
  expect(others.length).toBeGreaterThan(1);
  expect(others).toEqual(others.map(() => expect.stringMatching(/ bytes=[1-9]/u)));
  const last = progress.at(-1);
  expect(last).toEqual({ file: "model.safetensors", received: 300_000, total: 300_000 });
});

test("what arrived stays for the next attempt, also where the server knows no ranges", async () => {
  hub.faults.breakAfter = 50_000;
  await expect(download()).rejects.toThrow(/connection broke.*run it again to continue/u);
  const partial = (await readdir(join(root(), "blobs"))).find((name) => name.endsWith("incomplete"));
  expect(partial).toBeDefined();
  hub.faults.breakAfter = 200_000;
  hub.requests.length = 0;
  await download();
  expect(asked(/store/u)[0]).toMatch(/bytes=[1-9]\d+-$/u);
  await rm(root(), { recursive: true });
  hub.faults.breakAfter = 50_000;
  await expect(download()).rejects.toThrow("connection broke");
  delete hub.faults.breakAfter;
  hub.faults.withoutRanges = true;
  const folder = await download();
  expect(await holdsWeights(folder)).toBe(true);
});

test("a file whose hash is wrong is deleted and refused", async () => {
  hub.faults.corrupt = true;
  await expect(download()).rejects.toThrow(/model\.safetensors arrived damaged/u);
  expect(await readdir(join(root(), "blobs"))).toHaveLength(1); // config.json's
  hub.faults.corrupt = false;
  await expect(download()).resolves.toBeTypeOf("string");
});

test("a repository that was renamed is found under its new name", async () => {
  hub.renamed.set("old/name", "owner/name");
  const folder = await downloadModel("hf:old/name", { settings });
  expect(folder).toContain("models--old--name");
  expect(await holdsWeights(folder)).toBe(true);
});

test("offline, and where the hub cannot be reached, the cache has to do", async () => {
  const offline = { ...settings, isOffline: true };
  await expect(downloadModel("hf:owner/name", { settings: offline })).rejects.toThrow(
    /not in the cache .*, and HF_HUB_OFFLINE is set/u,
  );
  const folder = await download();
  hub.requests.length = 0;
  expect(await downloadModel("hf:owner/name", { settings: offline })).toBe(folder);
  expect(hub.requests).toEqual([]);
  const gone = { ...settings, endpoint: "http://127.0.0.1:9" };
  expect(await downloadModel("hf:owner/name", { settings: gone })).toBe(folder);
  await expect(downloadModel("hf:owner/other", { settings: gone })).rejects.toThrow(
    /not in the cache .* cannot be reached/u,
  );
});

test("a private repository needs the token; a missing one is named", async () => {
  hub.repositories.set("owner/secret", {
    files: hub.repositories.get("owner/name")?.files ?? new Map<string, Uint8Array>(),
    isPrivate: true,
  });
  const secret = (token?: string) =>
    downloadModel("hf:owner/secret", {
      settings: token === undefined ? settings : { ...settings, token },
    });
  await expect(secret()).rejects.toThrow(/answers 401: you are not signed in: set HF_TOKEN/u);
  await expect(secret(hubToken)).resolves.toContain("models--owner--secret");
  await expect(downloadModel("hf:owner/nothing", { settings: { ...settings, token: hubToken } })).rejects.toThrow(
    /answers 404: there is no such repository/u,
  );
});

test("shards come with their index, and a repository without weights is refused", async () => {
  const holdShards = (map: unknown): void => {
    const index = new TextEncoder().encode(JSON.stringify({ weight_map: map }));
    const files = new Map<string, Uint8Array>([
      ["config.json", config],
      ["model.safetensors.index.json", index],
      ["model-1.safetensors", weights],
    ]);
    hub.repositories.set("owner/sharded", { files });
  };
  const outside = ["../evil", "/etc/evil", "a/../../evil", String.raw`..\evil`, "C:evil", "a//b", "", 7];
  for (const name of outside) {
    holdShards({ a: "model-1.safetensors", b: name });
    await expect(downloadModel("hf:owner/sharded", { settings }), String(name)).rejects.toThrow(
      /owner\/sharded names a file .*, which would lie outside its folder: not fetched/u,
    );
  }
  holdShards([]);
  await expect(downloadModel("hf:owner/sharded", { settings })).rejects.toThrow(/lists no files/u);
  holdShards({ a: "model-1.safetensors", b: "model-1.safetensors" });
  const folder = await downloadModel("hf:owner/sharded", { settings });
  expect(await readdir(folder)).toContain("model-1.safetensors");
  hub.repositories.set("owner/empty", { files: new Map([["config.json", config]]) });
  await expect(downloadModel("hf:owner/empty", { settings })).rejects.toThrow(
    "hf:owner/empty has no weights that clip-ts reads",
  );
});

test("open_clip's weights are taken where only open_clip's config is there", async () => {
  const names = ["open_clip_config.json", "open_clip_model.safetensors", "model.safetensors"];
  hub.repositories.set("timm/x", { files: new Map(names.map((name) => [name, config])) });
  const folder = await downloadModel("hf:timm/x", { settings });
  expect((await readdir(folder)).toSorted()).toEqual(names.slice(0, 2));
});

test("references and settings are read as Hugging Face's own tools read them", async () => {
  expect(parseHubReference("hf:a/b@v1.0")).toEqual({ repository: "a/b", revision: "v1.0" });
  expect(parseHubReference("hf-hub:a/b@v1.0")).toEqual({ repository: "a/b", revision: "v1.0" });
  for (const wrong of ["a/b", "hf-hub:", "hf:hf-hub:a/b", "hf:", "hf:a/b/c", "hf:../x", "hf:a/..", "hf:a/b@../x"]) {
    expect(() => parseHubReference(wrong), wrong).toThrow(/expected hf:owner\/name/u);
  }
  await writeFile(join(cache, "token"), "hf_saved\n");
  expect(hubSettings({ HF_HOME: cache, HF_ENDPOINT: "http://mirror/", HF_HUB_OFFLINE: "1" })).toEqual({
    endpoint: "http://mirror",
    cache: join(cache, "hub"),
    isOffline: true,
    token: "hf_saved",
  });
  expect(hubSettings({ HF_HOME: "/nowhere", HF_TOKEN: "hf_x", HF_HUB_CACHE: "/c" })).toEqual({
    endpoint: "https://huggingface.co",
    cache: "/c",
    isOffline: false,
    token: "hf_x",
  });
});
