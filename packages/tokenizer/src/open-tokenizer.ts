import { createRobertaTokenizer } from "./roberta/roberta-tokenizer.ts";
import { createSiglipTokenizer } from "./siglip/siglip-tokenizer.ts";
import { createClipTokenizer, type Tokenizer } from "./tokenizer.ts";
import { clipVocabSize, fewestIds } from "./vocabulary.ts";

/** What a text tower says about the ids it reads. */
export interface TowerVocabulary {
  /** Which tower; without one it is CLIP's. */
  readonly kind?: "clip" | "roberta" | "siglip" | undefined;
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly padTokenId: number;
}

/** Text of a file of the model's folder; undefined if there is none of that name. */
export type ReadTokenizerFile = (name: string) => Promise<string | undefined>;

async function openRoberta(
  { contextLength }: TowerVocabulary,
  read: ReadTokenizerFile,
): Promise<Tokenizer | undefined> {
  const [vocab, merges] = [await read("vocab.json"), await read("merges.txt")];
  const hasBoth = vocab !== undefined && merges !== undefined;
  const whole = hasBoth ? undefined : await read("tokenizer.json");
  if (!hasBoth && whole === undefined) return undefined;
  const files = { "vocab.json": vocab, "merges.txt": merges, "tokenizer.json": whole };
  return createRobertaTokenizer(files, { contextLength });
}

async function openSiglip(
  { contextLength }: TowerVocabulary,
  read: ReadTokenizerFile,
): Promise<Tokenizer | undefined> {
  const whole = await read("tokenizer.json");
  if (whole === undefined) return undefined;
  const config = await read("tokenizer_config.json");
  const files = { "tokenizer.json": whole, "tokenizer_config.json": config };
  return createSiglipTokenizer(files, { contextLength });
}

/**
 * The tokenizer that a text tower was made for. CLIP's is inside; RoBERTa's and SigLIP's are read from
 * the model's folder. Undefined if the folder lacks the files, or for a vocabulary that is not CLIP's.
 */
export async function openTokenizer(
  tower: TowerVocabulary,
  read: ReadTokenizerFile,
): Promise<Tokenizer | undefined> {
  if (tower.kind === "roberta") return openRoberta(tower, read);
  if (tower.kind === "siglip") return openSiglip(tower, read);
  const { vocabSize, contextLength, padTokenId } = tower;
  if (vocabSize < fewestIds || vocabSize > clipVocabSize) return undefined;
  return createClipTokenizer({ vocabSize, contextLength, padId: padTokenId });
}
