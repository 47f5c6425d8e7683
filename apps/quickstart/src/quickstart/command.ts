import { type Command, engineOptions } from "@clip-ts/trainer";

/** clip-ts quickstart */
export const quickstartCommand: Command = {
  name: "quickstart",
  words: "",
  needs: 0,
  summary: "train on emoji drawings, test on a vendor never seen, export",
  before: "train",
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
  run: async (args) => (await import("./run.ts")).run(args),
};
