import { type Arguments, type Command, engineOptions } from "../cli/command.ts";
import { countOption } from "../cli/number-option.ts";
import { print } from "../cli/output.ts";
import { UsageError } from "../cli/usage-error.ts";
import { openSourceByName } from "../config/sources.ts";
import { listClasses } from "./support/class-folders.ts";
import {
  type RetrievalResult,
  retrievalTable,
  runRetrieval,
  type RetrievalTask,
} from "./support/evaluate-retrieval.ts";
import {
  runZeroShot,
  type ZeroShotResult,
  type ZeroShotTask,
  zeroShotTable,
} from "./support/evaluate-zero-shot.ts";
import { noteSkipped } from "./support/images.ts";
import { withModel } from "./support/open-model.ts";
import { readTemplates } from "./support/templates.ts";
import { writeOutput } from "./support/tensor-files.ts";

/** Every caption describes its image; of an emoji, the first is its name and the rest are tags. */
async function retrievalTask(args: Arguments, data: string): Promise<RetrievalTask> {
  const captions = args.text("captions") ?? (data.startsWith("emoji:") ? "first" : "all");
  if (captions !== "first" && captions !== "all") {
    throw new UsageError(`--captions ${captions}: expected first or all.`);
  }
  const limit = countOption(args, "limit");
  return { data, source: await openSourceByName(data), captions, limit };
}

async function zeroShotTask(args: Arguments, folder: string): Promise<ZeroShotTask> {
  const templates = await readTemplates(args.text("templates") ?? "openai");
  const limit = countOption(args, "limit");
  const classes = await listClasses(folder, { names: args.text("classes"), limit });
  return { folder, classes, templates };
}

interface Report {
  readonly retrieval?: RetrievalResult;
  readonly zeroShot?: ZeroShotResult;
}

function show({ retrieval, zeroShot }: Report): void {
  noteSkipped([...(retrieval?.skipped ?? []), ...(zeroShot?.skipped ?? [])]);
  const tables = [
    ...(retrieval === undefined ? [] : [retrievalTable(retrieval)]),
    ...(zeroShot === undefined ? [] : [zeroShotTable(zeroShot)]),
  ];
  print(tables.join("\n\n"));
}

/** clip-ts evaluate */
export const evaluateCommand: Command = {
  name: "evaluate",
  words: "MODEL",
  needs: 1,
  summary: "measure retrieval and zero-shot accuracy",
  details:
    "DATA is a folder of images with captions in .txt files beside them, a .csv, .tsv or " +
    ".jsonl table, or emoji:fluent (also google, twitter). FOLDER holds one folder of " +
    "images for each class. Unreadable images are left out, counted and listed.",
  options: {
    retrieval: {
      type: "string",
      value: "DATA",
      help: "find captions by image and images by caption: R@1, R@5, R@10, ranks",
    },
    captions: {
      type: "string",
      value: "first|all",
      help: "texts of an image in retrieval (default all; for emoji first, the name)",
    },
    "zero-shot": {
      type: "string",
      value: "FOLDER",
      help: "name each image's class: top-1, top-5 and mean per class",
    },
    templates: {
      type: "string",
      value: "NAME|FILE",
      help: "openai (80, default), simple (7) or a file with one a line, {} for the class",
    },
    classes: {
      type: "string",
      value: "FILE",
      help: "names of the classes, one a line, in the folders' alphabetical order",
    },
    limit: { type: "string", value: "N", help: "at most N images, in zero-shot of each class" },
    json: { type: "string", value: "FILE", help: "also write everything as JSON" },
    ...engineOptions,
  },
  async run(args) {
    const [data, folder] = [args.text("retrieval"), args.text("zero-shot")];
    if (data === undefined && folder === undefined) {
      throw new UsageError("evaluate needs --retrieval DATA or --zero-shot FOLDER or both.");
    }
    const pairs = data === undefined ? undefined : await retrievalTask(args, data);
    const classes = folder === undefined ? undefined : await zeroShotTask(args, folder);
    await withModel(args, async (model) => {
      const report: Report = {
        ...(pairs === undefined ? {} : { retrieval: await runRetrieval(model, pairs) }),
        ...(classes === undefined ? {} : { zeroShot: await runZeroShot(model, classes) }),
      };
      const json = args.text("json");
      if (json !== undefined) {
        const content = { model: args.positionals[0], engine: model.engine, ...report };
        await writeOutput(json, `${JSON.stringify(content, null, 2)}\n`);
      }
      show(report);
    });
  },
};
