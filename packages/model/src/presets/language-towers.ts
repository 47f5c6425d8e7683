import type { BertTextConfig, M2m100TextConfig, Mt5TextConfig } from "@clip-ts/text-encoder";
import { robertaTowers, type RobertaTower } from "./towers.ts";

/** A BERT before something is said of what it pools. */
export type BertTower = Omit<BertTextConfig, "pooling">;

const bertBase: BertTower = {
  kind: "bert",
  width: 768,
  layers: 12,
  heads: 12,
  mlpWidth: 3072,
  activation: "gelu",
  layerNormEps: 1e-12,
  vocabSize: 30_522,
  contextLength: 512,
  endTokenId: 102,
  padTokenId: 0,
  tokenTypes: 2,
};

const bertLarge: BertTower = { ...bertBase, width: 1024, layers: 24, heads: 16, mlpWidth: 4096 };

/** The published BERTs by their names on the hub. */
const bertTowers: Readonly<Record<string, BertTower>> = {
  "bert-base-uncased": bertBase,
  "bert-large-uncased": bertLarge,
  "bert-base-cased": { ...bertBase, vocabSize: 28_996 },
  "bert-large-cased": { ...bertLarge, vocabSize: 28_996 },
  "bert-base-multilingual-uncased": { ...bertBase, vocabSize: 105_879 },
  "bert-base-multilingual-cased": { ...bertBase, vocabSize: 119_547 },
  "bert-base-chinese": { ...bertBase, vocabSize: 21_128 },
};

/** An mT5 before something is said of what it pools. */
export type Mt5Tower = Omit<Mt5TextConfig, "pooling">;

const mt5Base: Mt5Tower = {
  kind: "mt5",
  width: 768,
  layers: 12,
  heads: 12,
  headDim: 64,
  mlpWidth: 2048,
  activation: "gelu_pytorch_tanh",
  layerNormEps: 1e-6,
  vocabSize: 250_112,
  contextLength: 512,
  endTokenId: 1,
  padTokenId: 0,
  buckets: 32,
  maxDistance: 128,
};

/** The published mT5s by their names on the hub. */
const mt5Towers: Readonly<Record<string, Mt5Tower>> = {
  "google/mt5-small": { ...mt5Base, width: 512, layers: 8, heads: 6, mlpWidth: 1024 },
  "google/mt5-base": mt5Base,
  "google/mt5-large": { ...mt5Base, width: 1024, layers: 24, heads: 16, mlpWidth: 2816 },
  "google/mt5-xl": { ...mt5Base, width: 2048, layers: 24, heads: 32, mlpWidth: 5120 },
};

/** An M2M-100 before something is said of what it pools. */
export type M2m100Tower = Omit<M2m100TextConfig, "pooling">;

const nllb: M2m100Tower = {
  kind: "m2m100",
  width: 1024,
  layers: 12,
  heads: 16,
  mlpWidth: 4096,
  activation: "relu",
  layerNormEps: 1e-5,
  vocabSize: 256_206,
  contextLength: 1024,
  endTokenId: 2,
  padTokenId: 1,
};

/** The published M2M-100s that CLIPs were made of, by their names on the hub. */
const m2m100Towers: Readonly<Record<string, M2m100Tower>> = {
  "facebook/nllb-200-distilled-600M": nllb,
  "facebook/nllb-200-distilled-1.3B": { ...nllb, layers: 24, mlpWidth: 8192 },
};

/** An encoder that was made for language alone, before something is said of what it pools. */
export type LanguageTower = RobertaTower | BertTower | Mt5Tower | M2m100Tower;

/** Published encoders of language by their names on the hub. */
export const languageTowers: Readonly<Record<string, LanguageTower>> = {
  ...robertaTowers,
  ...bertTowers,
  ...mt5Towers,
  ...m2m100Towers,
};
