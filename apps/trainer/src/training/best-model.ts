import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { HostArrays } from "@clip-ts/core";
import type { ModelDescription } from "@clip-ts/inference";
import { writeModel } from "@clip-ts/node";

/** Keeps a run's best model so far in `best`, whole at any moment. Borrows the leaves. */
export async function keepBestModel(
  run: string,
  description: ModelDescription,
  leaves: HostArrays,
): Promise<void> {
  const folder = join(run, "best");
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await writeModel(partial, description, leaves);
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
}
