import { ClipError } from "./errors.ts";
import { chooseGraphs, listsGraphs, type WantedGraphs } from "./graph-names.ts";
import { modelFiles, selfCheckFile, sentencePieceFiles, tokenizerFiles, weightsFiles } from "./model-files.ts";

/** Small files that say what a model is, and its proof. */
const descriptions: readonly string[] = [
  modelFiles.config,
  modelFiles.openClipConfig,
  modelFiles.preprocessor,
  modelFiles.processor,
  ...tokenizerFiles,
  selfCheckFile,
];

/** A tokenizer.json says the same as the SentencePiece model beside it. */
const piecesOf = (files: ReadonlySet<string>): readonly string[] =>
  files.has("tokenizer.json") ? [] : sentencePieceFiles;

/** What is known of a repository beside its files' names, and what is wanted of graphs where it has no weights. */
export interface RepositoryKnown extends WantedGraphs {
  /** Its `config.json` is another library's (timm's, above all), so that open_clip's describes the model. */
  readonly isForeignConfig?: boolean;
}

/** open_clip's weights before all others. */
const openClipFirst = weightsFiles.toSorted(
  (a, b) => Number(b.startsWith("open_clip")) - Number(a.startsWith("open_clip")),
);

/**
 * Which of a repository's files make the model, weights last: one format of weights is enough, and open_clip's go
 * with open_clip's config where no other describes the model. Without weights, graphs in the form of
 * @huggingface/transformers (`onnx/`) stand for them.
 * @throws ClipError "not-found" if there are neither.
 */
export function chooseModelFiles(
  listed: readonly string[],
  repository: string,
  { isForeignConfig = false, ...graphs }: RepositoryKnown = {},
): string[] {
  const files = new Set(listed);
  const isOpenClip = files.has(modelFiles.openClipConfig) && (isForeignConfig || !files.has(modelFiles.config));
  const weights = (isOpenClip ? openClipFirst : weightsFiles).find((name) => files.has(name));
  const described = [...descriptions, ...piecesOf(files)].filter((name) => files.has(name));
  if (weights === undefined) {
    if (listsGraphs(listed)) return [...described, ...chooseGraphs(listed, repository, graphs)];
    throw new ClipError(
      "not-found",
      `${repository} has no weights that clip-ts reads: expected one of ${weightsFiles.join(", ")}, ` +
        "or ONNX graphs in onnx/.",
      { data: { repository, files: listed.slice(0, 50) } },
    );
  }
  return [...described.filter((name) => !isForeignConfig || name !== modelFiles.config), weights];
}

/**
 * The file of open_clip's weights in a repository, as open_clip looks for it: safetensors before the file that is
 * named (or the usual one).
 * @throws ClipError "not-found" if there is none.
 */
export function chooseOpenClipWeights(
  listed: readonly string[],
  repository: string,
  file = "open_clip_pytorch_model.bin",
): string {
  const usual = file === "open_clip_pytorch_model.bin";
  const safe = usual ? modelFiles.openClipWeights : file.replace(/\.(?:bin|pth?)$/u, ".safetensors");
  const weights = [safe, file].find((name) => listed.includes(name));
  if (weights !== undefined) return weights;
  throw new ClipError("not-found", `${repository} has neither ${safe} nor ${file}.`, {
    data: { repository, files: listed.slice(0, 50) },
  });
}

/** A repository's files of a tokenizer; none where it has none that clip-ts reads. */
export function chooseTokenizerFiles(listed: readonly string[]): string[] {
  return [...tokenizerFiles, ...piecesOf(new Set(listed))].filter((name) => listed.includes(name));
}

/** What a file of open_clip's weights is called where it is one of a folder's: as it is, if models' weights are called so. */
export function openClipWeightsName(file: string): string {
  if (weightsFiles.includes(file)) return file;
  return file.endsWith(".safetensors") ? modelFiles.openClipWeights : "open_clip_pytorch_model.bin";
}
