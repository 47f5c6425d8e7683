import { join } from "node:path";
import { writeJson } from "@clip-ts/node";
import { engineOptions, type Command } from "../cli/command.ts";
import { countOption } from "../cli/number-option.ts";
import { print } from "../cli/output.ts";
import { UsageError } from "../cli/usage-error.ts";
import { compareMethods, methodsTable } from "../methods/compare-methods.ts";
import { methods, withNeeded } from "../methods/methods.ts";
import { startNamedEngine } from "./support/start-engine.ts";

function chosenNames(only: readonly string[]): string[] {
  const known = methods.map(({ name }) => name);
  const strange = only.find((name) => !known.includes(name));
  if (strange !== undefined) {
    throw new UsageError(`There is no method "${strange}"; there are ${known.join(", ")}.`);
  }
  return only.length === 0 ? known : [...only];
}

/** clip-ts methods */
export const methodsCommand: Command = {
  name: "methods",
  words: "",
  needs: 0,
  summary: "compare training methods on emoji drawings",
  details:
    "Trains a small model on the quickstart's drawings with English names, from scratch and with other " +
    "losses, then adapts it to German names by full fine-tuning, LiT, LoRA and WiSE-FT. Each is " +
    "measured by retrieval on drawings of a vendor never shown. Finished runs are not trained again.",
  options: {
    out: { type: "string", value: "FOLDER", help: "where the runs go (default runs/methods)" },
    steps: { type: "string", value: "N", help: "steps of each run (default 1000)" },
    only: {
      type: "string",
      multiple: true,
      value: "NAME",
      help: "only this method; may be repeated",
    },
    limit: { type: "string", value: "N", help: "at most N held-out drawings" },
    ...engineOptions,
  },
  async run(args) {
    const out = args.text("out") ?? "runs/methods";
    const chosen = withNeeded(chosenNames(args.texts("only")));
    const started = await startNamedEngine(args);
    const steps = countOption(args, "steps") ?? 1000;
    const folderOf = (name: string): string => join(out, name);
    const limit = countOption(args, "limit");
    const options = { engine: started.name, steps, folderOf, started, chosen, limit };
    const results = await compareMethods(options);
    await writeJson(join(out, "results.json"), { steps, results });
    print(
      `Recall@1 on drawings of a vendor that was never shown, ${steps} steps each\n\n${methodsTable(results)}`,
    );
  },
};
