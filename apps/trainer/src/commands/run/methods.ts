import { join } from "node:path";
import { writeJson } from "@clip-ts/files";
import type { Arguments } from "../../cli/command.ts";
import { countOption } from "../../cli/number-option.ts";
import { print } from "../../cli/output.ts";
import { compareMethods, methodsTable } from "../../methods/compare-methods.ts";
import { methods, withNeeded } from "../../methods/methods.ts";
import { startNamedEngine } from "../support/start-engine.ts";

/** clip-ts methods */
export async function run(args: Arguments): Promise<void> {
  const out = args.text("out") ?? "runs/methods";
  const only = args.texts("only");
  const chosen = withNeeded(only.length === 0 ? methods.map(({ name }) => name) : only);
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
}
