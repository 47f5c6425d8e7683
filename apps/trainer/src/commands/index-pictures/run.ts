import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { joinLeftOut } from "@clip-ts/data";
import { bytesEmbedder, needTokenizer } from "@clip-ts/inference";
import { hashModel } from "@clip-ts/node";
import {
  readIndexRecord,
  updatePictureIndex,
  type IndexUpdate,
  type PictureModel,
  type UpdateProgress,
} from "@clip-ts/picture-index";
import { UsageError, type Arguments } from "../../cli/command.ts";
import { watchInterruption } from "../../cli/interruption.ts";
import { count } from "../../cli/numbers.ts";
import { note, print } from "../../cli/output.ts";
import { placesOf } from "../../cli/shard-options.ts";
import { quoteWord, table } from "../../cli/text.ts";
import { noteLeftOut } from "../shared/left-out.ts";
import { filledRows, openTowers, type OpenTowers } from "../shared/open-model.ts";
import { writeOutput } from "../shared/output-files.ts";
import { pictureProgress, type PictureProgress } from "../shared/progress.ts";
import { chooseReadings } from "./choose-readings.ts";
import { openSources, type OpenSources } from "./open-sources.ts";
import { indexRequest, type IndexRequest } from "./request.ts";

/** The model as the index takes it. */
async function pictureModel(
  towers: OpenTowers,
  { model, name, batch, maxTokens }: IndexRequest,
): Promise<PictureModel> {
  const { description, embedder } = towers;
  const { config, preprocess, tokenizer } = description;
  const dim = config.projectionDim;
  return {
    name,
    place: existsSync(model) ? resolve(model) : model, // what does not lie here is a name
    sha256: await hashModel(model),
    dim,
    preprocess,
    images: bytesEmbedder({ description, embedder, filledTo: filledRows(towers, batch), maxTokens }),
    ...(tokenizer !== undefined && {
      texts: async (texts: readonly string[]) => {
        const ids = needTokenizer(description).encodeBatch([...texts], { multiple: 8 });
        return { values: await embedder.texts(ids), rows: texts.length, dim };
      },
    }),
  };
}

/** Shows how far an update is. The line begins when pictures were listed; what is said meanwhile comes behind it. */
function showProgress() {
  let progress: PictureProgress | undefined;
  let before: UpdateProgress = { done: 0, unchanged: 0, total: 0 };
  const said: string[] = [];
  return {
    show(now: UpdateProgress): void {
      progress ??= pictureProgress({ label: "index", total: now.total, done: 0 });
      progress.skip(now.unchanged - before.unchanged);
      if (now.done > before.done) progress.add(now.done - before.done);
      before = now;
    },
    notice: (line: string): void => void (progress === undefined ? note(line) : said.push(line)),
    finish(): void {
      progress?.finish();
      for (const line of said) note(line);
    },
  };
}

function showSummary({ output }: IndexRequest, update: IndexUpdate): void {
  const { added, changed, removed, unchanged, unseen, pictures, record } = update;
  const rows = [
    ["pictures", count(pictures)],
    ["  added", count(added)],
    ["  changed", count(changed)],
    ["  removed", count(removed)],
    ["  unchanged", count(unchanged)],
    ...(unseen > 0 ? [["  out of reach, kept", count(unseen)]] : []),
  ];
  print(table(rows));
  print(`model ${record.model.name}; find pictures: clip-ts search "a red bicycle" --index ${quoteWord(output)}`);
}

/** Says what was not done. @returns the exit code. */
function sayFailed({ failed }: IndexUpdate): number {
  if (failed.length === 0) return 0;
  note(`${failed.length} shards could not be opened; their pictures stay as they were. Run again to try them again.`);
  return 1;
}

async function update(args: Arguments, request: IndexRequest, { sources, sets }: OpenSources): Promise<number> {
  const { output, model, remaps, forget, store, honourExif, batch } = request;
  // --dtype is of the index's numbers here, not of the model's.
  const text = (name: string): string | undefined => (name === "dtype" ? undefined : args.text(name));
  const own: Arguments = { ...args, text, positionals: [model] };
  const towers = await openTowers(own, { readsTexts: false });
  const interruption = watchInterruption("Stopping after this batch");
  const progress = showProgress();
  try {
    const found = await updatePictureIndex({
      folder: output,
      model: await pictureModel(towers, request),
      sources,
      forget,
      store,
      honourExif,
      remaps,
      batch,
      onProgress: progress.show,
      onNotice: progress.notice,
      shouldStop: interruption.requested,
    }).finally(progress.finish);
    const leftOut = joinLeftOut([found.leftOut, ...sets.map((set) => set.leftOut())]);
    showSummary(request, found);
    noteLeftOut(leftOut);
    const json = args.text("json");
    if (json !== undefined) await writeOutput(json, `${JSON.stringify({ ...found, leftOut }, undefined, 2)}\n`);
    return sayFailed(found);
  } finally {
    interruption.release();
    towers.embedder.dispose();
  }
}

/** What is looked at: what words name, else everything that the index is of. */
async function wordsOf({ words, output, forget, remaps }: IndexRequest): Promise<readonly string[]> {
  const isOfAll = remaps || (words.length === 0 && forget.length === 0);
  const known = isOfAll ? await readIndexRecord(output) : undefined;
  const kept = (known?.sources ?? []).filter((path) => !forget.includes(path));
  const all = [...new Set([...words, ...kept])];
  if (all.length > 0 || forget.length > 0) return all;
  throw new UsageError(
    `There is no index in ${output} yet: name its pictures. Usage: clip-ts index MODEL FOLDER -o ${output}`,
  );
}

/** Makes an index, or brings it up to date. */
export async function indexPictures(args: Arguments): Promise<number> {
  const request = indexRequest(args);
  const before = await readIndexRecord(request.output);
  if (before === undefined && request.honourExif === undefined) {
    note("exif    photographs are turned upright as their EXIF tag says; --no-exif leaves them as they are stored");
  }
  const all = await wordsOf(request);
  const { words: named, remaps } = request;
  const chosen = chooseReadings(args, { all, named }, { record: before, remaps });
  const open = await openSources(chosen, placesOf(args).cacheFolder);
  try {
    return await update(args, request, open);
  } finally {
    await open.close();
  }
}
