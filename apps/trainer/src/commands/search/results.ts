import type { Arguments } from "../../cli/command.ts";
import { writeOutput } from "../shared/output-files.ts";
import type { Answer } from "./answer.ts";
import type { OpenSearch } from "./open-search.ts";

/** What an answer holds in JSON; without a cut-off, notJudged says why. */
export function answerJson({ text, query, filter, ...found }: Answer): object {
  return {
    query: { text, terms: query.terms },
    filter,
    cutoff: found.cutoff ?? null,
    falsePositiveRate: found.falsePositiveRate ?? null,
    notJudged: found.notJudged ?? null,
    fits: found.fits,
    hits: found.hits,
    ...(found.nearest !== undefined && { nearest: found.nearest }),
  };
}

/** Writes what `--json` asks for, if it is given. The engine is null where no model had to be run. */
export async function writeJson(
  args: Arguments,
  { index, engine }: Pick<OpenSearch, "index" | "engine">,
  found: object,
): Promise<void> {
  const file = args.text("json");
  if (file === undefined) return;
  const { compiler: _compiler, ...ran } = engine() ?? {};
  const about = {
    model: index.record.model,
    engine: engine() === undefined ? null : ran,
    index: { folder: index.folder, store: index.record.store, pictures: await index.vectors.count() },
  };
  await writeOutput(file, `${JSON.stringify({ ...about, ...found }, undefined, 2)}\n`);
}
