// Ids of texts, asked by check_token_ids.py: one order as JSON on standard input, one answer on standard output.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { folder, peer, parse, texts, tower, openClip, rows, language } = JSON.parse(readFileSync(0, "utf8"));

const readText = async (name) =>
  existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : undefined;
const readBytes = async (name) =>
  existsSync(join(folder, name)) ? new Uint8Array(readFileSync(join(folder, name))) : undefined;

/** Our tokenizer: a function from a text to its ids. */
async function ours() {
  const { openTokenizer } = await import("../../packages/tokenizer/dist/index.js");
  const tokenizer = await openTokenizer(tower, readText, {
    readBytes,
    parseSpecialTokens: parse,
    ...(openClip !== null && { openClip }),
    ...(language !== null && { language }),
  });
  if (tokenizer === undefined) throw new Error("no tokenizer");
  if (!rows) return (text) => tokenizer.encode(text);
  return (text) => [...tokenizer.encodeBatch([text], { tokens: tower.contextLength }).inputIds];
}

/** Hugging Face's, from tokenizer.json alone; cut as transformers.js does. */
async function theirs() {
  // It comes with @huggingface/transformers, which packages/node has.
  const transformers = createRequire(new URL("../../packages/node/package.json", import.meta.url)).resolve(
    "@huggingface/transformers",
  );
  const { Tokenizer } = createRequire(transformers)("@huggingface/tokenizers");
  const config = JSON.parse((await readText("tokenizer_config.json")) ?? "{}");
  const tokenizer = new Tokenizer(JSON.parse(await readText("tokenizer.json")), config);
  return (text) => {
    const { ids } = tokenizer.encode(text);
    return ids.length <= tower.contextLength ? ids : [...ids.slice(0, tower.contextLength - 1), ids.at(-1)];
  };
}

const begun = performance.now();
const encode = await (peer === "clip-ts" ? ours() : theirs());
const openMs = performance.now() - begun;
const before = process.cpuUsage();
const ids = texts.map((text) => encode(text));
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ ids, openMs, seconds: (user + system) / 1e6, rss: process.memoryUsage().rss }));
