import { drawTrainingReport, writeTrainingReport } from "../../report/write-training-report.ts";
import type { Arguments } from "../../cli/command.ts";
import { note, writeStdout } from "../../cli/output.ts";

/** clip-ts report */
export async function run({ positionals, text }: Arguments): Promise<void> {
  const [run = ""] = positionals;
  const output = text("output");
  if (output === "-") return writeStdout(await drawTrainingReport(run));
  note(`report  ${await writeTrainingReport(run, output)}`);
}
