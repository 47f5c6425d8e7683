import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Arguments } from "../../cli/command.ts";
import { quoteWord } from "../../cli/quote-word.ts";
import { UsageError } from "../../cli/usage-error.ts";

/**
 * The config that a run recorded, if the first word is a run's folder; undefined for a config file.
 * @throws UsageError for a run's folder that is not to be resumed.
 */
export function recordedConfig({ positionals, flag }: Arguments): string | undefined {
  const [place = ""] = positionals;
  const recorded = join(place, "config.yaml");
  if (!existsSync(recorded)) return undefined;
  if (flag("resume")) return recorded;
  throw new UsageError(
    `${place} is a run's folder: go on with it by clip-ts train --resume ${quoteWord(place)}, or ` +
      "name a config file to begin another run.",
  );
}
