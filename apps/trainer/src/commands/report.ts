import { writeTrainingReport } from "../report/write-training-report.ts";
import type { Command } from "../cli/command.ts";
import { note } from "../cli/output.ts";

/** clip-ts report */
export const reportCommand: Command = {
  name: "report",
  words: "RUN",
  needs: 1,
  summary: "draw how a training run went",
  details:
    "Training writes RUN/report.html when it ends; this command also shows a run on its way.",
  options: {
    output: { type: "string", short: "o", value: "FILE", help: "page (default RUN/report.html)" },
  },
  async run({ positionals, text }) {
    const [run = ""] = positionals;
    note(`report  ${await writeTrainingReport(run, text("output"))}`);
  },
};
