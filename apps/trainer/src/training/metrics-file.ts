import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { writeFileWhole } from "@clip-ts/files";

/**
 * Drops what a killed run reported after its last checkpoint, so that a resumed run's metrics hold
 * every step once.
 */
export async function forgetStepsFrom(step: number, metricsFile: string): Promise<void> {
  if (!existsSync(metricsFile)) return;
  const lines = (await readFile(metricsFile, "utf8")).split("\n");
  const kept = lines.filter((line) => {
    try {
      return (JSON.parse(line) as { step: number }).step < step;
    } catch {
      return false; // empty, or cut off by the kill
    }
  });
  await writeFileWhole(metricsFile, kept.map((line) => `${line}\n`).join(""));
}
