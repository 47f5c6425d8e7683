import type { Arguments, Command } from "../../cli/command.ts";
import { engineOptions, imageSizeOption, maxTokensOption, selfCheckOption } from "../../cli/options.ts";
import { checkReading, readingOptions } from "../../cli/shard-options.ts";
import { jsonOption } from "../data/options.ts";
import { indexRequest } from "./request.ts";

/** clip-ts index */
export const indexCommand: Command = {
  name: "index",
  words: "MODEL [FOLDER|IMAGE|SHARDS...]",
  needs: 0,
  summary: "embed pictures to be found by words: clip-ts search",
  details:
    "INDEX is a folder, which keeps a vector of each picture below FOLDER, links followed, or in SHARDS (tars, Parquet " +
    "files, tables of paths, on disk, at https:// or s3://). Run again it embeds only what is new or changed (another size " +
    "or time of change) and drops what is gone; without words it looks at everything that the index is of. Several " +
    "sources may share an index; each is read in later updates as it was at first. Stopped or killed, the same command goes on. Photographs are turned upright as " +
    "their EXIF tag says. Broken and unknown files never stop it: they are counted and listed at the end. A folder that " +
    "lies empty is refused, since its disk may be missing; --forget takes it out. The index knows its model and refuses " +
    "others; --remap MODEL embeds all pictures anew, and the old vectors serve until that is done. Vectors are kept in " +
    "LanceDB where it is installed (@lancedb/lancedb, apache-arrow), else flat; of Qdrant the key is QDRANT_API_KEY.",
  options: {
    output: { type: "string", short: "o", value: "INDEX", required: true, help: "folder of the index" },
    name: { type: "string", value: "NAME", help: "what the index calls its model (default: the last name of MODEL)" },
    remap: { type: "string", value: "MODEL", help: "embed all pictures anew with this model" },
    forget: {
      type: "string",
      value: "PATH",
      multiple: true,
      help: "take out the pictures of this source, or below this folder",
    },
    store: {
      type: "string",
      choices: ["flat", "lance", "qdrant"],
      help: "flat, lance or qdrant (default lance where it is installed); of a new index",
    },
    dtype: { type: "string", choices: ["f32", "int8"], help: "numbers of a flat store (default f32)" },
    qdrant: { type: "string", value: "URL", help: "of the Qdrant server, such as http://localhost:6333" },
    "no-exif": { type: "boolean", help: "leave photographs as they are stored" },
    batch: { type: "string", value: "N", number: "count", help: "pictures embedded at a time (default 32)" },
    ...readingOptions,
    "image-size": imageSizeOption,
    "max-tokens": maxTokensOption,
    "self-check": selfCheckOption,
    json: jsonOption,
    ...engineOptions,
  },
  check: (args: Arguments) => {
    checkReading(args);
    indexRequest(args);
  },
  run: async (args) => (await import("./run.ts")).indexPictures(args),
};
