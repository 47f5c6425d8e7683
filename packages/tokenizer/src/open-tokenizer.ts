import { createClipTokenizer, type Tokenizer } from "./tokenizer.ts";
import { clipVocabSize, fewestIds } from "./vocabulary.ts";

/** What a text tower says about the ids it reads. */
export interface TowerVocabulary {
  /** Which tower; without one it is CLIP's. */
  readonly kind?: "clip" | "roberta" | "siglip" | undefined;
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly padTokenId: number;
  /** Whether a token sees only those before it; true by default. */
  readonly causal?: boolean | undefined;
  /** Which token stands for the caption; only "last" matters here. */
  readonly pooling?: string | undefined;
}

/** Text of a file of the model's folder; undefined if there is none of that name. */
export type ReadTokenizerFile = (name: string) => Promise<string | undefined>;

/** Whether padding changes what a text tower says: such towers read rows of the whole context. */
export function readsPadding({ kind, causal, pooling }: TowerVocabulary): boolean {
  return kind === "siglip" || (kind !== "roberta" && (causal === false || pooling === "last"));
}

/**
 * CLIP's tokenizer cut to a tower's vocabulary; undefined for other towers and for vocabularies that are
 * not CLIP's. For a tower that reads padding, every row is as wide as the context.
 */
export function clipTokenizerFor(tower: TowerVocabulary): Tokenizer | undefined {
  const { kind = "clip", vocabSize, contextLength, padTokenId } = tower;
  if (kind !== "clip" || vocabSize < fewestIds || vocabSize > clipVocabSize) return undefined;
  const tokenizer = createClipTokenizer({ vocabSize, contextLength, padId: padTokenId });
  if (!readsPadding(tower)) return tokenizer;
  return { ...tokenizer, encodeBatch: (captions) => tokenizer.encodeBatch(captions) };
}

async function openRoberta(
  { contextLength }: TowerVocabulary,
  read: ReadTokenizerFile,
): Promise<Tokenizer | undefined> {
  const [vocab, merges] = [await read("vocab.json"), await read("merges.txt")];
  const hasBoth = vocab !== undefined && merges !== undefined;
  const whole = hasBoth ? undefined : await read("tokenizer.json");
  if (!hasBoth && whole === undefined) return undefined;
  const { createRobertaTokenizer } = await import("./roberta/roberta-tokenizer.ts");
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
  const { createSiglipTokenizer } = await import("./siglip/siglip-tokenizer.ts");
  const files = { "tokenizer.json": whole, "tokenizer_config.json": config };
  return createSiglipTokenizer(files, { contextLength });
}

/**
 * The tokenizer that a text tower was made for. CLIP's is inside; RoBERTa's and SigLIP's are read from
 * the model's folder, and their code is fetched when it is needed. Undefined if the folder lacks the
 * files, or for a vocabulary that is not CLIP's.
 */
export async function openTokenizer(
  tower: TowerVocabulary,
  read: ReadTokenizerFile,
): Promise<Tokenizer | undefined> {
  if (tower.kind === "roberta") return openRoberta(tower, read);
  if (tower.kind === "siglip") return openSiglip(tower, read);
  return clipTokenizerFor(tower);
}
