import type { Command } from "../cli/command.ts";

/** clip-ts report */
export const reportCommand: Command = {
  name: "report",
  words: "RUN",
  needs: 1,
  summary: "draw how a training run went",
  details:
    "Training writes RUN/report.html when it ends; this command also shows a run on its way.",
  options: {
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      writes: true,
      help: "page (default RUN/report.html); - is stdout",
    },
  },
  run: async (args) => (await import("./run/report.ts")).run(args),
};
