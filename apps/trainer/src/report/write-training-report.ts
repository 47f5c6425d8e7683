import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { writeFileWhole } from "@clip-ts/files";
import { trainingReport, type MetricsLine } from "./training-report.ts";

async function readMetrics(file: string): Promise<MetricsLine[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as MetricsLine];
    } catch {
      return []; // empty, or being written
    }
  });
}

/**
 * A run's metrics as a page that needs no other file.
 * @throws ClipError "not-found" if the folder holds no metrics.
 */
export async function drawTrainingReport(run: string): Promise<string> {
  const file = join(run, "metrics.jsonl");
  const metrics = existsSync(file) ? await readMetrics(file) : [];
  if (metrics.length === 0) {
    throw new ClipError(
      "not-found",
      `${file} holds no metrics. Expected the folder of a run that has taken steps.`,
    );
  }
  const config = await readFile(join(run, "config.yaml"), "utf8").catch(() => "");
  return trainingReport(run, metrics, config);
}

/** Writes that page. @returns where it is. */
export async function writeTrainingReport(
  run: string,
  output: string = join(run, "report.html"),
): Promise<string> {
  await writeFileWhole(output, await drawTrainingReport(run));
  return output;
}
