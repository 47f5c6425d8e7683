import { type Arguments, type Command, engineOptions } from "../cli/command.ts";
import { countOption } from "../cli/number-option.ts";
import { UsageError } from "../cli/usage-error.ts";
import { isTable, openSourceByName, type TableOptions } from "../config/sources.ts";
import { listClasses, type ListedClasses } from "./support/class-folders.ts";
import type { Evaluation } from "../report/evaluation-tables.ts";
import { runProbe, type ProbeTask } from "./support/evaluate-probe.ts";
import { runRetrieval, type RetrievalTask } from "./support/evaluate-retrieval.ts";
import { runZeroShot, type ZeroShotTask } from "./support/evaluate-zero-shot.ts";
import { imageSizeOption } from "./support/image-size.ts";
import { maxSkippedOf, maxSkippedOption } from "./support/left-out.ts";
import { withModel, type OpenModel } from "./support/open-model.ts";
import { showEvaluation, writeEvaluation } from "./support/show-evaluation.ts";
import { readTemplates } from "./support/templates.ts";

/** How a table of pairs is written, where it is not as usual. */
function tableOptions(args: Arguments, data: string): TableOptions {
  const [separator, quoting] = [args.text("separator"), args.text("quoting")];
  if (quoting !== undefined && quoting !== "standard" && quoting !== "none") {
    throw new UsageError(`--quoting ${quoting}: expected standard or none.`);
  }
  if ((separator ?? quoting) !== undefined && !isTable(data)) {
    throw new UsageError(`--separator and --quoting are for tables, and ${data} is none.`);
  }
  return { separator, quoting };
}

/** Every caption describes its image; of an emoji, the first is its name and the rest are tags. */
async function retrievalTask(args: Arguments, data: string): Promise<RetrievalTask> {
  const captions = args.text("captions") ?? (data.startsWith("emoji:") ? "first" : "all");
  if (captions !== "first" && captions !== "all") {
    throw new UsageError(`--captions ${captions}: expected first or all.`);
  }
  const limit = countOption(args, "limit");
  const diagnoses = args.flag("diagnostics");
  const maxSkipped = maxSkippedOf(args);
  const source = await openSourceByName(data, { ...tableOptions(args, data), maxSkipped });
  return { data, source, captions, limit, diagnoses, maxSkipped };
}

async function zeroShotTask(args: Arguments, folder: string): Promise<ZeroShotTask> {
  const templates = await readTemplates(args.text("templates") ?? "openai");
  const limit = countOption(args, "limit");
  const listed = await listClasses(folder, { names: args.text("classes"), limit });
  return { folder, ...listed, templates, maxSkipped: maxSkippedOf(args) };
}

/** "1,2,4" → [1, 2, 4]. */
function shotCounts(text: string | undefined): number[] {
  const counts = (text ?? "").split(",").filter(Boolean).map(Number);
  if (counts.every((count) => Number.isSafeInteger(count) && count > 0)) return counts;
  throw new UsageError(`--shots ${text}: expected whole numbers with commas between, as 1,2,4.`);
}

async function probeTask(args: Arguments, folder: string): Promise<ProbeTask> {
  const options = { names: args.text("classes"), limit: countOption(args, "limit") };
  const listed = await listClasses(folder, options);
  const testFolder = args.text("probe-test");
  const test = testFolder === undefined ? undefined : await listClasses(testFolder, options);
  const names = ({ classes }: ListedClasses): string => classes.map(({ name }) => name).join();
  if (test !== undefined && names(test) !== names(listed)) {
    throw new UsageError(`--probe-test ${testFolder} should hold the same classes as ${folder}.`);
  }
  const shots = shotCounts(args.text("shots"));
  return { folder, ...listed, test, shots, maxSkipped: maxSkippedOf(args) };
}

interface Tasks {
  readonly pairs?: RetrievalTask | undefined;
  readonly classes?: ZeroShotTask | undefined;
  readonly probe?: ProbeTask | undefined;
}

async function readTasks(args: Arguments): Promise<Tasks> {
  const [data, folder, probed] = ["retrieval", "zero-shot", "linear-probe"].map(args.text);
  if (data === undefined && folder === undefined && probed === undefined) {
    throw new UsageError(
      "evaluate needs --retrieval DATA, --zero-shot FOLDER or --linear-probe FOLDER.",
    );
  }
  return {
    pairs: data === undefined ? undefined : await retrievalTask(args, data),
    classes: folder === undefined ? undefined : await zeroShotTask(args, folder),
    probe: probed === undefined ? undefined : await probeTask(args, probed),
  };
}

async function evaluate(model: OpenModel, { pairs, classes, probe }: Tasks): Promise<Evaluation> {
  return {
    ...(pairs === undefined ? {} : { retrieval: await runRetrieval(model, pairs) }),
    ...(classes === undefined ? {} : { zeroShot: await runZeroShot(model, classes) }),
    ...(probe === undefined ? {} : { probe: await runProbe(model, probe) }),
  };
}

/** clip-ts evaluate */
export const evaluateCommand: Command = {
  name: "evaluate",
  words: "MODEL",
  needs: 1,
  summary: "measure retrieval, zero-shot accuracy and linear probes",
  details:
    "DATA is a folder of images with captions in .txt files beside them, a .csv, .tsv or " +
    ".jsonl table (also with .gz), or emoji:fluent (or another vendor). FOLDER holds one " +
    "folder of images for each class; links are followed. What is left out, such as " +
    "unreadable images, is counted and listed at the end.",
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
      value: "NAME|FILE",
      help: "imagenet, or a file with the classes' names, one a line, in the folders' alphabetical order",
    },
    "linear-probe": {
      type: "string",
      value: "FOLDER",
      help: "fit a logistic regression on image features; a fifth is held out as its test",
    },
    "probe-test": { type: "string", value: "FOLDER", help: "test images of the probe's classes" },
    shots: { type: "string", value: "N,N", help: "also probes on so few images of each class" },
    diagnostics: {
      type: "boolean",
      help: "with --retrieval: alignment, uniformity, modality gap, effective rank",
    },
    separator: {
      type: "string",
      value: "C",
      help: "character between the values of DATA's table (default , in .csv, a tab in .tsv)",
    },
    quoting: {
      type: "string",
      value: "standard|none",
      help: "none: double quotes in DATA's table are text (default standard)",
    },
    "max-skipped": maxSkippedOption,
    limit: { type: "string", value: "N", help: "at most N images; of each class, where there are" },
    json: { type: "string", value: "FILE", help: "also write everything as JSON" },
    report: { type: "string", value: "FILE", help: "also draw everything as an HTML page" },
    "image-size": imageSizeOption,
    ...engineOptions,
  },
  async run(args) {
    const tasks = await readTasks(args);
    await withModel(args, async (model) => {
      const found = await evaluate(model, tasks);
      await writeEvaluation(args, model, found);
      showEvaluation(found);
    });
  },
};
