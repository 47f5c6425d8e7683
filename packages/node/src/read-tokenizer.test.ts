import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatClipConfig, formatOpenClipConfig, preset, type ClipConfig } from "@clip-ts/model";
import { clipPreprocess } from "@clip-ts/image";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { afterAll, expect, test } from "vitest";
import { writeOpenClipDescription, writeTokenizer } from "./write-model.ts";
import { readTokenizer, needTokenizer } from "@clip-ts/inference";
import { filesAt } from "./open-model.ts";

const root = await mkdtemp(join(tmpdir(), "clip-ts-read-tokenizer-"));
afterAll(() => rm(root, { recursive: true }));

const whole = preset("ViT-B/32");
const cut: ClipConfig = {
  ...whole,
  text: { ...whole.text, vocabSize: 600, endTokenId: 599 } as ClipConfig["text"],
};

async function folderOf(name: string, files: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  for (const [file, content] of Object.entries(files)) {
    await writeFile(join(folder, file), JSON.stringify(content));
  }
  return folder;
}

test("a vocabulary that is not CLIP's whole one is not guessed", async () => {
  const bare = await folderOf("bare", { "config.json": formatClipConfig(cut) });
  const found = await readTokenizer(filesAt(bare), cut);
  expect(() => needTokenizer({ config: cut, ...found })).toThrow(
    /vocabulary of 600, which is not CLIP's 49408, .* put its tokenizer\.json there/u,
  );
  await writeTokenizer(bare, createClipTokenizer({ vocabSize: 600 }));
  expect((await readTokenizer(filesAt(bare), cut)).tokenizer).toMatchObject({ vocabSize: 600 });
});

test("open_clip's name of a tokenizer whose files are missing is said", async () => {
  const { model_cfg: model } = formatOpenClipConfig(whole);
  const text_cfg = { ...(model["text_cfg"] as object), hf_tokenizer_name: "xlm-roberta-base" };
  const config = { model_cfg: { ...model, text_cfg } };
  const folder = await folderOf("named", { "open_clip_config.json": config });
  const { tokenizer, missingTokenizer } = await readTokenizer(filesAt(folder), whole);
  expect(tokenizer).toBeUndefined();
  expect(missingTokenizer).toMatchObject({ isUnread: false });
  expect(missingTokenizer?.reason).toContain('"xlm-roberta-base", and its files are not in this');
});

test("an argument of open_clip's tokenizers that is not understood is named when text is read", async () => {
  const { model_cfg: model } = formatOpenClipConfig(whole);
  const tokenizer_kwargs = { reduction_mask: "syntax" };
  const text_cfg = { ...(model["text_cfg"] as object), tokenizer_kwargs };
  const config = { model_cfg: { ...model, text_cfg } };
  const folder = await folderOf("mask", { "open_clip_config.json": config });
  const found = await readTokenizer(filesAt(folder), whole);
  expect(found.missingTokenizer?.isUnread).toBe(true);
  expect(() => needTokenizer({ config: whole, ...found })).toThrow(/tokenizer_kwargs\.reduction_mask/u);
});

test("a folder for open_clip names a tokenizer exactly where its own would not do", async () => {
  const textCfgOf = async (name: string, config: ClipConfig, clean?: "canonicalize"): Promise<unknown> => {
    const { vocabSize } = config.text;
    const tokenizer = createClipTokenizer({ vocabSize, ...(clean && { clean }) });
    const folder = join(root, name);
    await writeOpenClipDescription(folder, { config, preprocess: clipPreprocess(224), tokenizer });
    await writeTokenizer(folder, tokenizer);
    const again = await readTokenizer(filesAt(folder), config);
    expect(again.tokenizer!.encode("“A_cat”!")).toEqual(tokenizer.encode("“A_cat”!"));
    const file = JSON.parse(await readFile(join(folder, "open_clip_config.json"), "utf8")) as {
      model_cfg: { text_cfg: unknown };
    };
    return file.model_cfg.text_cfg;
  };
  expect(await textCfgOf("own", whole)).not.toHaveProperty("hf_tokenizer_name");
  expect(await textCfgOf("cleaned", whole, "canonicalize")).toMatchObject({
    tokenizer_kwargs: { clean: "canonicalize" },
  });
  expect(await textCfgOf("cut", cut)).toMatchObject({
    hf_tokenizer_name: "this-folder",
    context_length: 77,
    tokenizer_kwargs: { clean: "lower" },
  });
});
