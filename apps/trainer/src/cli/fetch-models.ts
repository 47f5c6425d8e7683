import { downloadModel, isHubReference, type DownloadProgress } from "@clip-ts/node";
import type { Arguments, Command } from "./command.ts";
import { note } from "./output.ts";

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** Shows how far each file is: in place on a terminal, once it is whole elsewhere. */
function showProgress(): (progress: DownloadProgress) => void {
  const isTerminal = process.stderr.isTTY;
  return ({ file, received, total }) => {
    const isWhole = received === total;
    const of = total === undefined ? "" : ` of ${mebibytes(total)}`;
    const line = `fetching ${file}: ${mebibytes(received)}${of} MiB`;
    if (isTerminal) process.stderr.write(`\r${line}${isWhole ? "\n" : ""}`);
    else if (isWhole) note(line);
  };
}

/** Brings every model of the hub that a command line names into the cache, before the command starts. */
export async function fetchModels(command: Command, { positionals }: Arguments): Promise<void> {
  if (command.sendsModels === true) return;
  for (const model of positionals.filter(isHubReference)) {
    await downloadModel(model, { onProgress: showProgress() });
  }
}
