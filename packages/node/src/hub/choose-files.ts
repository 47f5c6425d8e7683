import { ClipError } from "@clip-ts/base";
import { modelFiles, tokenizerFiles, weightsFiles } from "../models/model-files.ts";

/** Small files that say what a model is. */
const descriptions: readonly string[] = [
  modelFiles.config,
  modelFiles.openClipConfig,
  modelFiles.preprocessor,
  modelFiles.processor,
  ...tokenizerFiles,
];

/** Weights that fit the config: open_clip's go with open_clip's config, if there is no other. */
function chooseWeights(files: ReadonlySet<string>): string | undefined {
  const isOpenClip = !files.has(modelFiles.config) && files.has(modelFiles.openClipConfig);
  const preferred = isOpenClip
    ? weightsFiles.toSorted(
        (a, b) => Number(b.startsWith("open_clip")) - Number(a.startsWith("open_clip")),
      )
    : weightsFiles;
  return preferred.find((name) => files.has(name));
}

/**
 * Which of a repository's files make the model, weights last: one format of weights is enough.
 * @throws ClipError "not-found" if there are none.
 */
export function chooseFiles(listed: readonly string[], repository: string): string[] {
  const files = new Set(listed);
  const weights = chooseWeights(files);
  if (weights === undefined) {
    throw new ClipError(
      "not-found",
      `${repository} has no weights that clip-ts reads: expected one of ${weightsFiles.join(", ")}.`,
      { data: { repository, files: listed.slice(0, 50) } },
    );
  }
  return [...descriptions.filter((name) => files.has(name)), weights];
}
