import type { Arguments } from "../../cli/command.ts";
import { countOption } from "../../cli/number-option.ts";
import { UsageError } from "../../cli/usage-error.ts";
import { openSourceByName, type TableOptions } from "../../config/sources.ts";
import { listClasses, type ListedClasses } from "../support/class-folders.ts";
import type { Evaluation } from "../../report/evaluation-tables.ts";
import { runProbe, type ProbeTask } from "../support/evaluate-probe.ts";
import { runRetrieval, type RetrievalTask } from "../support/evaluate-retrieval.ts";
import { runZeroShot, type ZeroShotTask } from "../support/evaluate-zero-shot.ts";
import { shotCounts } from "../support/evaluate-options.ts";
import { maxSkippedOf } from "../support/max-skipped.ts";
import { withModel, type OpenModel } from "../support/open-model.ts";
import { showEvaluation, writeEvaluation } from "../support/show-evaluation.ts";
import { readTemplates } from "../support/templates.ts";

/** How a table of pairs is written, where it is not as usual. */
function tableOptions({ text }: Arguments): TableOptions {
  return { separator: text("separator"), quoting: text("quoting") as TableOptions["quoting"] };
}

/** Every caption describes its image; of an emoji, the first is its name and the rest are tags. */
async function retrievalTask(args: Arguments, data: string): Promise<RetrievalTask> {
  const usual = data.startsWith("emoji:") ? "first" : "all";
  const captions = (args.text("captions") ?? usual) as RetrievalTask["captions"];
  const limit = countOption(args, "limit");
  const diagnoses = args.flag("diagnostics");
  const maxSkipped = maxSkippedOf(args);
  const source = await openSourceByName(data, { ...tableOptions(args), maxSkipped });
  return { data, source, captions, limit, diagnoses, maxSkipped };
}

async function zeroShotTask(args: Arguments, folder: string): Promise<ZeroShotTask> {
  const templates = await readTemplates(args.text("templates") ?? "openai");
  const limit = countOption(args, "limit");
  const listed = await listClasses(folder, { names: args.text("classes"), limit });
  return { folder, ...listed, templates, maxSkipped: maxSkippedOf(args) };
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
export async function run(args: Arguments): Promise<void> {
  const tasks = await readTasks(args);
  await withModel(args, async (model) => {
    const found = await evaluate(model, tasks);
    await writeEvaluation(args, model, found);
    showEvaluation(found);
  });
}
