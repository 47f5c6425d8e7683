import { existsSync } from "node:fs";
import { downloadModel, isHubReference, type DownloadProgress, type ModelDownloadOptions } from "@clip-ts/hub";
import { note, say } from "./output.ts";

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** Shows how far each file is: in place on a terminal, once it is whole elsewhere. */
function showProgress(): (progress: DownloadProgress) => void {
  const isTerminal = process.stderr.isTTY;
  return ({ file, received, total }) => {
    const isWhole = received === total;
    const of = total === undefined ? "" : ` of ${mebibytes(total)}`;
    const line = `fetching ${file}: ${mebibytes(received)}${of} MiB`;
    if (isTerminal) say(`\r${line}${isWhole ? "\n" : ""}`);
    else if (isWhole) note(line);
  };
}

/** Says a line in the place of the progress that a terminal shows. */
function interrupt(message: string): void {
  note(process.stderr.isTTY ? `\r\u001B[K${message}` : message);
}

/**
 * Brings those models of the hub and those published models that are among these into the cache, with a line for each
 * file; what is neither is left to whoever opens it. `dtype` is of models that are stored as graphs.
 */
export async function fetchModels(
  models: readonly string[],
  { dtype }: Pick<ModelDownloadOptions, "dtype"> = {},
): Promise<void> {
  for (const model of models) {
    const options = { onProgress: showProgress(), onNotice: interrupt, dtype };
    if (isHubReference(model)) {
      await downloadModel(model, options);
      continue;
    }
    if (existsSync(model)) continue; // what lies here goes first
    const { downloadPublished, findPublished } = await import("@clip-ts/node");
    const found = await findPublished(model);
    if (found !== undefined) await downloadPublished(found, options);
  }
}
