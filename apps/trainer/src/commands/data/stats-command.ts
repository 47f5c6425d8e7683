import type { Measures } from "@clip-ts/node";
import type { Arguments, Command } from "../../cli/command.ts";
import type { SourceKind } from "../../cli/extension.ts";
import { count } from "../../cli/numbers.ts";
import { countOption } from "../../cli/options.ts";
import { counter, nameOfOutput, note, print } from "../../cli/output.ts";
import { checkReading } from "../../cli/shard-options.ts";
import { table } from "../../cli/text.ts";
import type { OpenData } from "./open-data.ts";
import { dataOptions, jsonOption, pathHelp } from "./options.ts";

/** Samples that are measured where there are more. */
const usualMost = 100_000;
/** CLIP's. */
const usualContext = 77;
/** No caption has more tokens. */
const longestCaption = 2 ** 20;

async function measure(args: Arguments, data: OpenData): Promise<Measures> {
  const { measureSet } = await import("@clip-ts/node");
  const { createClipTokenizer } = await import("@clip-ts/tokenizer");
  const { eld } = await import("eld/small");
  const tokenizer = createClipTokenizer({ contextLength: longestCaption });
  const samples = data.set.groups.flatMap(({ shards }) => shards).reduce((sum, shard) => sum + shard.samples, 0);
  const most = countOption(args, "limit") ?? usualMost;
  if (most < samples) {
    note(`measures ${count(most)} of ${count(samples)} samples, drawn evenly; --limit N sets how many`);
  }
  return measureSet(data.set, {
    most,
    tokensOf: (caption) => tokenizer.encode(caption).length,
    languageOf: (caption) => {
      const guess = eld.detect(caption);
      return guess.language === "" ? "none" : guess.isReliable() ? guess.language : "unsure";
    },
    captions: data.captions,
    onSample: counter("samples", Math.min(most, samples)),
  });
}

async function stats(args: Arguments, data: OpenData): Promise<void> {
  const { noteLeftOut } = await import("../shared/left-out.ts");
  const { writeOutput } = await import("../shared/output-files.ts");
  const { statsJson, statsTables } = await import("./stats-tables.ts");
  const contextLength = countOption(args, "context") ?? usualContext;
  const found = await measure(args, data);
  const shards = data.set.groups.reduce((sum, group) => sum + group.shards.length, 0);
  const tables = statsTables(found, contextLength, shards);
  print(tables.map(({ title, rows, words }) => `${title}\n${table(rows, words)}`).join("\n\n"));
  noteLeftOut(data.leftOut(), "not read");
  const [json, html] = [args.text("json"), args.text("html")];
  if (json !== undefined) {
    const content = { data: data.set.label, kind: data.kind, shards, ...statsJson(found, contextLength) };
    await writeOutput(json, `${JSON.stringify({ ...content, leftOut: data.leftOut() }, undefined, 2)}\n`);
  }
  if (html === undefined) return;
  const { contactSheet } = await import("./contact-sheet.ts");
  const { dataPage } = await import("../../pages/data-page.ts");
  const pictures = await contactSheet(data);
  await writeOutput(html, await dataPage(data.set.label, { found, tables, pictures, contextLength }));
  note(`wrote   ${nameOfOutput(html)}`);
}

/** clip-ts data stats */
export const dataStatsCommand = (sources: readonly SourceKind[]): Command => ({
  name: "data stats",
  words: "PATH...",
  needs: 1,
  summary: "measure images and captions: sizes, lengths, languages",
  details:
    `${pathHelp(sources)}One pass over the samples: formats, sizes and bytes of images by their heads, without decoding, ` +
    "lengths of captions in characters and in CLIP's tokens, how many are cut, empty or equal, their scripts by " +
    "Unicode, their languages as a detector guesses, and which texts there are. Percentiles are right to 1 %.",
  options: {
    limit: { type: "string", value: "N", number: "count", help: `samples, drawn evenly (default ${usualMost})` },
    context: { type: "string", value: "N", number: "count", help: `tokens that are read (default ${usualContext})` },
    ...dataOptions,
    json: jsonOption,
    html: {
      type: "string",
      value: "FILE",
      writes: true,
      help: "write a page with tables, histograms and samples; - is stdout",
    },
  },
  check: checkReading,
  async run(args) {
    const { openData } = await import("./open-data.ts");
    const data = await openData(args, sources);
    try {
      await stats(args, data);
    } finally {
      await data.close();
    }
  },
});
