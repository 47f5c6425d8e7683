import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hubToken, startLocalHub, type LocalHub } from "@clip-ts/test-utils";
import { afterEach, beforeEach, expect, test } from "vitest";
import { quick } from "./fixtures/hostile.ts";
import type { HubSettings } from "./hub-settings.ts";
import { uploadFolder } from "./upload-folder.ts";

const weights = Uint8Array.from({ length: 50_000 }, (_, index) => (index * 7) % 251);
const oid = createHash("sha256").update(weights).digest("hex");

let hub: LocalHub;
let folder: string;
let settings: HubSettings;
beforeEach(async () => {
  hub = await startLocalHub();
  folder = await mkdtemp(join(tmpdir(), "clip-ts-push-"));
  await writeFile(join(folder, "model.safetensors"), weights);
  await writeFile(join(folder, "config.json"), "{}");
  settings = { ...quick, endpoint: hub.endpoint, cache: folder, token: hubToken };
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

test("small files go into the commit, large ones into the store", async () => {
  const told: [string, number][] = [];
  await uploadFolder(folder, "hf:owner/new", {
    settings,
    summary: "First",
    onFile: (name, size) => told.push([name, size]),
  });
  const { uploads } = hub;
  expect(uploads.created).toEqual(["owner/new"]);
  expect(Buffer.from(weights).equals(uploads.objects.get(oid)!)).toBe(true);
  expect(uploads.verified).toEqual([oid]);
  expect(uploads.commits).toEqual([
    {
      repository: "owner/new",
      summary: "First",
      files: { "config.json": Buffer.from("{}"), "model.safetensors": oid },
    },
  ]);
  expect(told).toEqual([
    ["config.json", 2],
    ["model.safetensors", 50_000],
  ]);
});

test("what the hub has is not sent again, and an existing repository is used", async () => {
  await uploadFolder(folder, "hf:owner/new", { settings });
  hub.requests.length = 0;
  await uploadFolder(folder, "hf:owner/new", { settings });
  expect(hub.requests.filter((line) => line.startsWith("PUT"))).toEqual([]);
  expect(hub.uploads.commits).toHaveLength(2);
});

test("a large file goes in the parts that the hub asks for", async () => {
  hub.uploads.partSize = 15_000;
  await uploadFolder(folder, "hf:owner/new", { settings });
  expect(hub.requests.filter((line) => line.startsWith("PUT"))).toHaveLength(4);
  expect(Buffer.from(weights).equals(hub.uploads.objects.get(oid)!)).toBe(true);
});

test("without a token or an owner nothing is sent; a wrong token is named", async () => {
  const { token: _token, ...anonymous } = settings;
  await expect(uploadFolder(folder, "hf:owner/new", { settings: anonymous })).rejects.toThrow("set HF_TOKEN");
  await expect(uploadFolder(folder, "hf:name", { settings })).rejects.toThrow("needs an owner");
  expect(hub.requests).toEqual([]);
  const wrong = { ...settings, token: "hf_wrong" };
  await expect(uploadFolder(folder, "hf:owner/new", { settings: wrong })).rejects.toThrow(/create answers 401/u);
});
