import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { captureOutput, startLocalHub } from "@clip-ts/test-utils";
import sharp from "sharp";
import { expect, test, vi } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { commands } from "../index.ts";
import { showModels } from "./show.ts";

const list = (...words: readonly string[]) => captureOutput(() => runCommandLine(commands, ["models", ...words]));

test("every published model is listed by what to type, in 80 columns", async () => {
  const { result, stdout } = await list();
  expect(result).toBe(0);
  for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  expect(stdout).toMatch(/^model +size +image +tokens +tokenizer +works$/mu);
  expect(stdout).toMatch(/^ViT-B-32\/laion2b_s34b_b79k +151M +224 +77 +CLIP +yes$/mu);
  expect(stdout).toMatch(/^xlm-roberta-large-ViT-H-14\/frozen_laion5b_s13b_b90k\n +1193M +224 +77 +xlm-roberta-la…/mu);
  expect(stdout).toMatch(/^openai\/clip-vit-base-patch32 +151M +224 +77 +CLIPTokenizer +yes$/mu);
  expect(stdout).toMatch(/\n209 published models; \d+ of them work here in full\.\n$/u);
});

test("words choose, and what does not work says why", async () => {
  const { stdout } = await list("CONVNEXT", "320");
  expect(stdout.match(/^convnext\S*320\//gmu)).toHaveLength(4);
  expect(stdout).not.toContain("ViT-B-32");
  expect(stdout).toMatch(/What does not work in full, and why:\n {2}convnext_base_w_320, convnext_large_d_320:\s/u);
});

test("what works by token ids or pixel values only is counted by itself, and says why", () => {
  const model = { of: "open_clip", type: "A", name: "A/b", contextLength: 77 } as const;
  const shown = showModels([
    { ...model, works: true },
    { ...model, name: "B/b", type: "B", works: { by: "token ids", why: "its tokenizer is not read" } },
    { ...model, name: "C/b", type: "C", works: { by: "pixel values", why: "its pictures differ" } },
  ]);
  expect(shown).toMatch(/^A\/b .* yes$[^]*^B\/b .* ids$[^]*^C\/b .* pixels$/mu);
  expect(shown).toContain("  B: only by token ids: its tokenizer is not read\n");
  expect(shown).toMatch(
    /3 published models; 1 of them work here in full, 2 more by token ids or pixel values\s+only\.$/u,
  );
});

test("--json has all that is known, and stdout it alone", async () => {
  const { stdout } = await list("b-16-siglip-512", "--json", "-");
  expect(JSON.parse(stdout)).toEqual([
    {
      name: "ViT-B-16-SigLIP-512/webli",
      of: "open_clip",
      type: "ViT-B-16-SigLIP-512",
      repository: "timm/ViT-B-16-SigLIP-512",
      parameters: 203_791_874,
      imageSize: 512,
      contextLength: 64,
      tokenizer: "timm/ViT-B-16-SigLIP",
      works: true,
    },
  ]);
});

test("words that no model has are refused with the names near them", async () => {
  const { result, stderr } = await list("ViT-B-16-SigLP2");
  expect(result).toBe(2);
  expect(stderr).toMatch(
    /No published model has all of these words: ViT-B-16-SigLP2\. Names near it: .*ViT-B-16-SigLIP2/u,
  );
});

test("a command fetches the model that a published name stands for, and says how far it is", async () => {
  const hub = await startLocalHub();
  const home = await mkdtemp(join(tmpdir(), "clip-ts-named-"));
  vi.stubEnv("HF_ENDPOINT", hub.endpoint).stubEnv("HF_HUB_CACHE", join(home, "hub")).stubEnv("XDG_CACHE_HOME", home);
  try {
    const files = new Map([["open_clip_model.safetensors", new Uint8Array(5000)]]);
    hub.repositories.set("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", { files });
    const image = join(home, "a.png");
    const create = { width: 9, height: 9, channels: 3, background: "red" } as const;
    await sharp({ create }).toFile(image);
    const words = ["preprocess", "ViT-B-32/laion2b_s34b_b79k", image, "-o", join(home, "out.safetensors")];
    const { result, stderr } = await captureOutput(() => runCommandLine(commands, words));
    expect([result, stderr]).toEqual([
      0,
      expect.stringContaining("fetching open_clip_model.safetensors: 0.0 of 0.0 MiB"),
    ]);
    const wrong = await captureOutput(() => runCommandLine(commands, ["tokenize", "ViT-B-32/laion2b"]));
    expect([wrong.result, wrong.stderr]).toEqual([
      1,
      expect.stringMatching(/has no weights "laion2b"\. Name one of /u),
    ]);
  } finally {
    vi.unstubAllEnvs();
    await hub.close();
    await rm(home, { recursive: true });
  }
});
