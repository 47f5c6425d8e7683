import { ClipError } from "@clip-ts/base";
import type { ClipConfig } from "@clip-ts/model";
import { needTokenizer, readTokenizer, tokenizerFor, type ModelDescription, type ModelFiles } from "@clip-ts/inference";
import { openFiles, readTokenizerAlone } from "@clip-ts/node";

/** Where a run's tokenizer may lie. */
export interface RunTokenizerOptions {
  /** A tokenizer's file, or its folder. */
  readonly tokenizer?: string | undefined;
  /** Weights of the text tower, which may have one beside them. */
  readonly text?: string | undefined;
}

type OpenedTokenizer = Pick<ModelDescription, "tokenizer" | "missingTokenizer">;

/** The tokenizer that a run names. @throws ClipError if there is none. */
export function readNamedTokenizer(place: string, clip: ClipConfig): Promise<OpenedTokenizer> {
  return readTokenizerAlone(place, clip);
}

/**
 * The tokenizer of a run's model: what is named, what lies beside the text tower's weights, or among
 * `files`, where the model's own files are. For a tower of CLIP's kind that is made anew it is CLIP's,
 * cut to the vocabulary. Nothing but a reason if there is none.
 */
export async function openRunTokenizer(
  clip: ClipConfig,
  { tokenizer: named, text }: RunTokenizerOptions,
  files: ModelFiles | undefined,
): Promise<OpenedTokenizer> {
  if (named !== undefined) return readNamedTokenizer(named, clip);
  const towers = text === undefined ? [] : [await openFiles(text)];
  const places = files === undefined ? towers : [...towers, files];
  const found = await Promise.all(places.map((place) => readTokenizer(place, clip)));
  // A tower with weights knows its own ids only; files that are there are never passed over.
  const isTold = ({ missingTokenizer }: OpenedTokenizer, index: number): boolean =>
    missingTokenizer?.isUnread === true || index < towers.length;
  return found.find(({ tokenizer }) => tokenizer !== undefined) ?? found.find(isTold) ?? tokenizerFor(clip);
}

/** What text towers are called, and the files of their tokenizers. */
const wanted = {
  altclip: ["AltCLIP", "tokenizer.json"],
  bert: ["BERT", "tokenizer.json"],
  m2m100: ["M2M-100", "tokenizer.json"],
  mt5: ["mT5", "tokenizer.json"],
  roberta: ["RoBERTa", "tokenizer.json (or vocab.json and merges.txt)"],
  siglip: ["SigLIP", "tokenizer.json (or spiece.model)"],
} as const;

/** Refuses a tokenizer whose ids the text tower has no rows for. */
function checkVocabulary({ config: { text }, tokenizer }: ModelDescription): void {
  if (tokenizer === undefined || tokenizer.vocabSize <= text.vocabSize) return;
  throw new ClipError(
    "bad-config",
    `The tokenizer makes ${tokenizer.vocabSize} ids, but the text tower reads ${text.vocabSize}: set "model.vocabSize", ` +
      "or give the tokenizer that the tower was trained with.",
    { data: { tokenizer: tokenizer.vocabSize, tower: text.vocabSize } },
  );
}

/**
 * Says what is missing before anything is built: captions need a tokenizer, ids in a file do not.
 * @throws ClipError "bad-config" that names the setting.
 */
export function checkRunTokenizer(
  description: ModelDescription,
  { readsCaptions }: { readonly readsCaptions: boolean },
): void {
  checkVocabulary(description);
  if (description.tokenizer !== undefined || !readsCaptions) return;
  const { kind = "clip" } = description.config.text;
  if (kind === "clip" || kind === "own" || description.missingTokenizer?.isUnread) {
    return void needTokenizer(description);
  }
  const [tower, files] = wanted[kind];
  throw new ClipError(
    "bad-config",
    `The text tower is ${tower}'s, and no folder that the config names has its tokenizer: set "model.tokenizer" to ` +
      `a folder with ${files}, such as the one that its weights came in.`,
    { data: { tower } },
  );
}
