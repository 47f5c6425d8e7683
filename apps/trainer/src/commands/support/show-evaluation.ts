import { twoColumns } from "../../cli/columns.ts";
import type { Arguments } from "../../cli/command.ts";
import { print } from "../../cli/output.ts";
import { evaluationReport, type Evaluation } from "../../report/evaluation-report.ts";
import { probeTable } from "./evaluate-probe.ts";
import { diagnosticRows, retrievalTable } from "./evaluate-retrieval.ts";
import { zeroShotTable } from "./evaluate-zero-shot.ts";
import { noteSkipped } from "./images.ts";
import type { OpenModel } from "./open-model.ts";
import { writeOutput } from "./tensor-files.ts";

/** Prints whatever was measured as tables. */
export function showEvaluation({ retrieval, zeroShot, probe }: Evaluation): void {
  noteSkipped([retrieval, zeroShot, probe].flatMap((part) => part?.skipped ?? []));
  const geometry = retrieval?.diagnostics;
  const tables = [
    ...(retrieval === undefined ? [] : [retrievalTable(retrieval)]),
    ...(geometry === undefined ? [] : [twoColumns(diagnosticRows(geometry).map(diagnosticLine))]),
    ...(zeroShot === undefined ? [] : [zeroShotTable(zeroShot)]),
    ...(probe === undefined ? [] : [probeTable(probe)]),
  ];
  print(tables.join("\n\n"));
}

function diagnosticLine([name = "", value = "", why = ""]: readonly string[]): [string, string] {
  return [name, why === "" ? value : `${value} ${why}`];
}

/** Writes what `--json` and `--report` ask for. */
export async function writeEvaluation(
  args: Arguments,
  model: OpenModel,
  found: Evaluation,
): Promise<void> {
  const [json, page] = [args.text("json"), args.text("report")];
  const [name = ""] = args.positionals;
  const { compiler: _compiler, ...engine } = model.engine;
  if (json !== undefined) {
    const content = { model: name, engine, ...found };
    await writeOutput(json, `${JSON.stringify(content, replaceTyped, 2)}\n`);
  }
  if (page !== undefined) {
    await writeOutput(
      page,
      await evaluationReport(name, found, `${engine.name} (${engine.detail})`),
    );
  }
}

/** Typed arrays as plain ones, which JSON would turn into objects. */
function replaceTyped(_key: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) ? Array.from(value as Uint32Array) : value;
}
