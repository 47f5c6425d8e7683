import { kindNamed, type SourceKind } from "../../cli/extension.ts";
import { UsageError, type Arguments } from "../../cli/command.ts";
import { countOption, maxSkippedOf } from "../../cli/options.ts";
import { note, print } from "../../cli/output.ts";
import { placesOf, readingOf } from "../../cli/shard-options.ts";
import { table } from "../../cli/text.ts";
import { openSourceByName } from "../../config/named-source.ts";
import { evaluationReport } from "../../pages/evaluation-report.ts";
import {
  geometryTable,
  probeTable,
  retrievalTable,
  zeroShotTable,
  type Evaluation,
  type TitledTable,
  type ProbeFound,
} from "../../pages/evaluation-tables.ts";
import { listClasses, readTemplates, type ListedClasses } from "../shared/class-folders.ts";
import { joinOptionsOf, withRanks } from "../../distributed/join.ts";
import { noteLeftOut } from "../shared/left-out.ts";
import { withModel, type OpenModel } from "../shared/open-model.ts";
import { writeOutput, writeResults } from "../shared/output-files.ts";
import { shotCounts } from "./command.ts";
import { runProbe, type ProbeTask } from "./probe.ts";
import { runRetrieval, runZeroShot, type MeasuredModel, type RetrievalTask, type ZeroShotTask } from "./scores.ts";

const inTerminal = ({ title, text, table: { rows, words } }: TitledTable): string =>
  `${title}: ${text}\n\n${table(rows, words)}`;

/** Says of each part what was left out of it. */
function noteParts(parts: Readonly<Record<string, Pick<ProbeFound, "leftOut"> | undefined>>): void {
  for (const [name, part] of Object.entries(parts)) {
    noteLeftOut(part?.leftOut ?? [], `left out of ${name}`);
  }
}

/** Prints whatever was measured as tables, and last what was left out. */
export function showEvaluation({ retrieval, zeroShot, probe }: Evaluation): void {
  if (probe?.converged === false) {
    note("The probe's fit ended before its minimum: its accuracy may be a little off.");
  }
  const geometry = retrieval?.diagnostics;
  const tables = [
    ...(retrieval === undefined ? [] : [retrievalTable(retrieval)]),
    ...(geometry === undefined ? [] : [geometryTable(geometry)]),
    ...(zeroShot === undefined ? [] : [zeroShotTable(zeroShot)]),
    ...(probe === undefined ? [] : [probeTable(probe)]),
  ];
  print(tables.map(inTerminal).join("\n\n"));
  noteParts({ retrieval, "zero-shot": zeroShot, "the linear probe": probe });
}

/** Writes what `--json` and `--report` ask for. */
export async function writeEvaluation(args: Arguments, model: OpenModel, found: Evaluation): Promise<void> {
  await writeResults(args, model, found);
  const page = args.text("report");
  if (page === undefined) return;
  const [name = ""] = args.positionals;
  const { engine } = model;
  await writeOutput(page, await evaluationReport(name, found, `${engine.name} (${engine.detail})`));
}

/** Every caption describes its image, but for kinds of data that say otherwise, such as emoji with their tags. */
async function retrievalTask(args: Arguments, data: string, kinds: readonly SourceKind[]): Promise<RetrievalTask> {
  const usual = kindNamed(data, kinds)?.firstCaption === undefined ? "all" : "first";
  const captions = (args.text("captions") ?? usual) as RetrievalTask["captions"];
  const limit = countOption(args, "limit");
  const diagnoses = args.flag("diagnostics");
  const maxSkipped = maxSkippedOf(args);
  const source = await openSourceByName(data, { ...readingOf(args), remote: placesOf(args), maxSkipped, kinds });
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

async function readTasks(args: Arguments, kinds: readonly SourceKind[]): Promise<Tasks> {
  const [data, folder, probed] = ["retrieval", "zero-shot", "linear-probe"].map(args.text);
  return {
    pairs: data === undefined ? undefined : await retrievalTask(args, data, kinds),
    classes: folder === undefined ? undefined : await zeroShotTask(args, folder),
    probe: probed === undefined ? undefined : await probeTask(args, probed),
  };
}

/** Measures on all ranks together; a probe is fitted by the first alone. */
async function evaluate(model: MeasuredModel, { pairs, classes, probe }: Tasks): Promise<Evaluation> {
  return {
    ...(pairs === undefined ? {} : { retrieval: await runRetrieval(model, pairs) }),
    ...(classes === undefined ? {} : { zeroShot: await runZeroShot(model, classes) }),
    ...(probe === undefined || model.ranks.rank > 0 ? {} : { probe: await runProbe(model, probe) }),
  };
}

/** clip-ts evaluate */
export async function run(args: Arguments, kinds: readonly SourceKind[]): Promise<number> {
  const advice = (): string => "Start all of them again.";
  return withRanks(joinOptionsOf(args, advice), async (ranks) => {
    const tasks = await readTasks(args, kinds);
    await withModel(args, async (model) => {
      const found = await evaluate({ ...model, ranks }, tasks);
      if (ranks.rank > 0) return;
      await writeEvaluation(args, model, found);
      showEvaluation(found);
    });
    return 0;
  });
}
