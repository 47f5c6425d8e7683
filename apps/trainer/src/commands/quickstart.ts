import type { Command } from "../cli/command.ts";
import { engineOptions } from "../cli/options.ts";

/** clip-ts quickstart */
export const quickstartCommand: Command = {
  name: "quickstart",
  words: "",
  needs: 0,
  summary: "train on emoji drawings, test on a vendor never seen, export",
  options: {
    minutes: {
      type: "string",
      value: "N",
      number: "positive",
      help: "most time for training (default 5)",
    },
    steps: {
      type: "string",
      value: "N",
      number: "positive",
      help: "train exactly this many steps instead",
    },
    run: { type: "string", value: "FOLDER", help: "where the run goes (default runs/quickstart)" },
    fresh: { type: "boolean", help: "throw an earlier run away" },
    ...engineOptions,
  },
  run: async (args) => (await import("./run/quickstart.ts")).run(args),
};
