import type { Arguments, Command } from "../../cli/command.ts";
import { dtypeOption, engineOptions, languageOption, selfCheckOption } from "../../cli/options.ts";
import { searchWords } from "./request.ts";

async function run(args: Arguments): Promise<number | void> {
  const asked = searchWords(args);
  if (asked.form === "duplicates") return (await import("./run-duplicates.ts")).runDuplicates(args, asked);
  if (asked.form === "queries") return (await import("./run-queries.ts")).runQueries(args, asked);
  return (await import("./run-query.ts")).runQuery(args, asked);
}

/** clip-ts search */
export const searchCommand: Command = {
  name: "search",
  words: "WORDS|PICTURE...",
  needs: 0,
  summary: "find pictures of an index by words or by a picture",
  details:
    "INDEX is a folder that clip-ts index made; it names its model. All words make one query. Its parts, with + or - " +
    "between them, are words, or @FILE, @ADDRESS or @id:ID of the index for a picture, and may have a weight: " +
    "'\"beach\" + 0.5:sunset - people'. Single quotes keep the shell from taking the double ones; a minus stands by itself. " +
    "A part that is an image file or an address is that picture. Pictures that fit no better than they fit sentences on " +
    "things that are not there are left out; where none is left, nothing fits, and --all shows the nearest. The exit code is " +
    "0 either way: a script reads fits in --json, which holds model, engine, index, query, filter, cutoff, " +
    "falsePositiveRate, fits and hits, each with id, similarity and fields. --queries answers each line by a line of JSON on " +
    "stdout; one without an answer has error, and the exit code is then 1. Dates are those of the camera's clock.",
  options: {
    index: { type: "string", short: "i", value: "INDEX", required: true, help: "the folder of the index" },
    model: { type: "string", value: "MODEL", help: "the index's own model, where it lies now, if it was moved" },
    count: { type: "string", short: "n", value: "N", number: "count", help: "most pictures shown (default 10)" },
    all: { type: "boolean", help: "also show what does not fit" },
    "false-positives": {
      type: "string",
      value: "RATE",
      choices: ["1%", "5%", "10%"],
      help: "share of searches for what is not there that may find something (default the index's own, 5%)",
    },
    folder: { type: "string", value: "FOLDER", help: "only pictures in this folder and the folders below" },
    after: { type: "string", value: "DATE", help: "only pictures of this day or later: 2024, 2024-05, 2024-05-17" },
    before: { type: "string", value: "DATE", help: "only pictures from before this day" },
    label: { type: "string", multiple: true, value: "NAME", help: "only pictures of this label; may be repeated" },
    exact: { type: "boolean", help: "compare with every picture, whatever structure the index has" },
    json: {
      type: "string",
      value: "FILE",
      writes: true,
      help: "also write everything as JSON; - is stdout, and the table goes to stderr",
    },
    html: {
      type: "string",
      value: "FILE",
      writes: true,
      help: "also write a page that shows the pictures; - is stdout",
    },
    queries: { type: "string", value: "FILE", help: "a file with one query a line; - is stdin" },
    duplicates: {
      type: "boolean",
      help: "list pictures that are nearly the same; a number behind it says how nearly (default 0.98, a cosine)",
    },
    "self-check": {
      ...selfCheckOption,
      help: "hold the model against the captions of its self-check.json on first-use of an engine (default), always, or off",
    },
    dtype: dtypeOption,
    language: languageOption,
    ...engineOptions,
  },
  check: (args) => void searchWords(args),
  run,
};
