import { type Command, engineOptions } from "@clip-ts/trainer";

/** What `--only` takes; a test compares with the methods that there are. */
const methodNames: readonly string[] = ["scratch", "sigmoid", "student", "distilled", "full", "gentle", "lit", "lora"];

/** clip-ts methods */
export const methodsCommand: Command = {
  name: "methods",
  words: "",
  needs: 0,
  summary: "compare training methods on emoji drawings",
  before: "evaluate",
  details:
    "Trains a small model on the quickstart's drawings with English names, from scratch and with other " +
    "losses, then adapts it to German names by full fine-tuning, LiT, LoRA and WiSE-FT. Each is " +
    "measured by retrieval on drawings of a vendor never shown. Finished runs are not trained again.",
  options: {
    out: { type: "string", value: "FOLDER", help: "where the runs go (default runs/methods)" },
    steps: {
      type: "string",
      value: "N",
      number: "count",
      help: "steps of each run (default 1000)",
    },
    only: {
      type: "string",
      multiple: true,
      value: "NAME",
      choices: methodNames,
      help: "only this method; may be repeated",
    },
    limit: { type: "string", value: "N", number: "count", help: "at most N held-out drawings" },
    ...engineOptions,
  },
  run: async (args) => (await import("./run.ts")).run(args),
};
