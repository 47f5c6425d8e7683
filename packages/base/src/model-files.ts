/** Names in a model folder: Hugging Face's, open_clip's and big_vision's beside them. */
export const modelFiles = {
  config: "config.json",
  openClipConfig: "open_clip_config.json",
  preprocessor: "preprocessor_config.json",
  processor: "processor_config.json",
  weights: "model.safetensors",
  openClipWeights: "open_clip_model.safetensors",
  numpyWeights: "model.npz",
} as const;

/** Where weights may lie, best first: formats that can be read in part before those that need a pickle. */
export const weightsFiles: readonly string[] = [
  modelFiles.weights,
  "model.safetensors.index.json",
  modelFiles.openClipWeights,
  "open_clip_pytorch_model.bin",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
  modelFiles.numpyWeights,
];

/** Files of tokenizers, which travel with a model whose vocabulary is not CLIP's. */
export const tokenizerFiles: readonly string[] = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "vocab.json",
  "merges.txt",
  "vocab.txt",
];

/** SentencePiece models, of which a tokenizer is made where no texts make one. */
export const sentencePieceFiles: readonly string[] = ["sentencepiece.bpe.model", "spiece.model", "tokenizer.model"];

/**
 * Name of the proof beside a model's weights: a few probes and the features that it gives them. It says something of
 * the model and is no part of it: a model's hash is the same with and without it.
 */
export const selfCheckFile = "self-check.json";

const shard = /^(model|pytorch_model)-[\w-]+\.(safetensors|bin)$/u;

/** Whether a file of a folder makes its model what it is; checkpoints of a run keep others beside. */
export function isModelFile(name: string): boolean {
  const own: readonly string[] = Object.values(modelFiles);
  return (
    [own, weightsFiles, tokenizerFiles, sentencePieceFiles].some((names) => names.includes(name)) || shard.test(name)
  );
}
