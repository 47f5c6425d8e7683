// Tokenizers: what a usual caption costs each, and what a large SentencePiece vocabulary costs to open.
//
//   node bench/tokenizers.mjs FOLDER          folders that tools/peers/check_token_ids.py --keep FOLDER has left
//   node --expose-gc bench/tokenizers.mjs --pieces 901629
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openTokenizer } from "@clip-ts/tokenizer";

const captions = ["a photo of a {}.", "two {}s playing in the park", "a black and white drawing of the small {}"];
const words = "cat dog house mountain bicycle strawberry aeroplane sunflower lighthouse kitchen".split(" ");
const texts = Array.from({ length: 20_000 }, (_, index) =>
  captions[index % captions.length].replace("{}", words[(index * 7) % words.length]),
);

const kinds = {
  clip: "clip",
  "bert-uncased": "bert",
  "xlmr-slow": "roberta",
  "mt5-slow": "mt5",
  nllb: "m2m",
  "siglip-slow": "siglip",
  siglip2: "siglip",
  roberta: "roberta",
};

/** Milliseconds of processor time. */
const spent = (since) => process.cpuUsage(since).user / 1000;

function readers(folder) {
  const read = (name, encoding) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), encoding) : undefined;
  return [async (name) => read(name, "utf8"), { readBytes: async (name) => read(name) }];
}

async function timeCaptions(folder) {
  for (const round of ["warm", "measured"]) {
    for (const [name, kind] of Object.entries(kinds)) {
      const tower = { kind, vocabSize: kind === "clip" ? 49408 : 1e6, contextLength: 77, padTokenId: 0 };
      const tokenizer = await openTokenizer(tower, ...readers(join(folder, name)));
      const begun = process.cpuUsage();
      for (const text of texts) tokenizer.encode(text);
      const each = (1000 * spent(begun)) / texts.length;
      if (round === "measured") console.log(`${name.padEnd(14)} ${each.toFixed(1)} µs a caption`);
    }
  }
}

const varint = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
const message = (tag, bytes) => Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes]);

/** A unigram model of made pieces in seven scripts. */
function madeModel(count) {
  let state = 1;
  const draw = (below) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below;
  const scripts = [
    "aeinorstlmdu",
    "абвгдежзикло",
    "αβγδεζηθικλμ",
    "ابتثجحخدذر",
    "あいうえおか",
    "가나다라마바사",
    "的一是不了人",
  ];
  const seen = new Set(["<unk>", "<s>", "</s>", "▁", ...scripts.flatMap((letters) => Array.from(letters))]);
  while (seen.size < count) {
    const letters = scripts[draw(3) === 0 ? draw(scripts.length) : 0];
    const length = 1 + draw(4) + draw(5) + draw(4);
    seen.add((draw(2) ? "▁" : "") + Array.from({ length }, () => letters[draw(letters.length)]).join(""));
  }
  const pieces = Array.from(seen, (text, index) => {
    const score = Buffer.alloc(4);
    score.writeFloatLE(-3 - index / count);
    const kind = Buffer.from([24, index === 0 ? 2 : index < 3 ? 3 : 1]);
    return message(10, Buffer.concat([message(10, Buffer.from(text)), Buffer.from([21]), score, kind]));
  });
  return Buffer.concat([...pieces, message(18, Buffer.from([24, 1]))]);
}

async function timeOpening(count) {
  const model = madeModel(count);
  const config = JSON.stringify({ tokenizer_class: "XLMRobertaTokenizer" });
  globalThis.gc?.();
  const [before, begun] = [process.memoryUsage(), process.cpuUsage()];
  const tokenizer = await openTokenizer(
    { kind: "roberta", vocabSize: 1e6, contextLength: 77, padTokenId: 1 },
    async (name) => (name === "tokenizer_config.json" ? config : undefined),
    { readBytes: async (name) => (name === "sentencepiece.bpe.model" ? new Uint8Array(model) : undefined) },
  );
  const milliseconds = spent(begun);
  globalThis.gc?.();
  const after = process.memoryUsage();
  const held = (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / 1e6;
  console.log(
    `${tokenizer.vocabSize} ids: opened in ${milliseconds.toFixed(0)} ms of processor time, ${held.toFixed(0)} MB held (${(model.length / 1e6).toFixed(0)} MB the file)`,
  );
}

const [first, second] = process.argv.slice(2);
await (first === "--pieces" ? timeOpening(Number(second)) : timeCaptions(first));
