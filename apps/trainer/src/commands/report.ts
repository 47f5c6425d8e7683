import type { Arguments, Command } from "../cli/command.ts";
import { note, writeStdout } from "../cli/output.ts";

async function run({ positionals, text }: Arguments): Promise<void> {
  const { drawTrainingReport, writeTrainingReport } = await import("../pages/training-report.ts");
  const [run = ""] = positionals;
  const output = text("output");
  if (output === "-") return writeStdout(await drawTrainingReport(run));
  note(`report  ${await writeTrainingReport(run, output)}`);
}

/** clip-ts report */
export const reportCommand: Command = {
  name: "report",
  words: "RUN",
  needs: 1,
  summary: "draw how a training run went",
  details: "Training writes RUN/report.html when it ends; this command also shows a run on its way.",
  options: {
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      writes: true,
      help: "page (default RUN/report.html); - is stdout",
    },
  },
  run,
};
