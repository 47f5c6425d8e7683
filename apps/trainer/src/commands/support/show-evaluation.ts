import type { Arguments } from "../../cli/command.ts";
import { note, print } from "../../cli/output.ts";
import { table } from "../../cli/table.ts";
import { evaluationReport } from "../../report/evaluation-report.ts";
import {
  geometryTable,
  probeTable,
  retrievalTable,
  zeroShotTable,
  type Evaluation,
  type TitledTable,
} from "../../report/evaluation-tables.ts";
import type { ProbeFound } from "./evaluate-probe.ts";
import { noteLeftOut } from "./left-out.ts";
import type { OpenModel } from "./open-model.ts";
import { writeOutput } from "./tensor-files.ts";
import { writeResults } from "./write-results.ts";

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
export async function writeEvaluation(
  args: Arguments,
  model: OpenModel,
  found: Evaluation,
): Promise<void> {
  await writeResults(args, model, found);
  const page = args.text("report");
  if (page === undefined) return;
  const [name = ""] = args.positionals;
  const { engine } = model;
  await writeOutput(page, await evaluationReport(name, found, `${engine.name} (${engine.detail})`));
}
