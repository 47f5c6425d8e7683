import { UsageError, type Arguments, type Command } from "../../cli/command.ts";
import { note, print, writeStdout } from "../../cli/output.ts";

async function write(path: string, content: string): Promise<void> {
  if (path === "-") return writeStdout(content);
  const { writeFileWhole } = await import("@clip-ts/files");
  await writeFileWhole(path, content);
  note(`wrote   ${path}`);
}

async function run({ positionals, text }: Arguments): Promise<void> {
  const { modelsWith, nearestNames } = await import("@clip-ts/model/published");
  const models = modelsWith(positionals);
  if (models.length === 0) {
    const nearest = nearestNames(positionals.join(" "), 5);
    const hint = nearest.length === 0 ? "" : ` Names near it: ${nearest.join(", ")}.`;
    throw new UsageError(`No published model has all of these words: ${positionals.join(" ")}.${hint}`);
  }
  const json = text("json");
  if (json !== undefined) return write(json, `${JSON.stringify(models, undefined, 2)}\n`);
  const { showModels } = await import("./show.ts");
  print(showModels(models));
}

/** clip-ts models */
export const modelsCommand: Command = {
  name: "models",
  words: "[WORD...]",
  needs: 0,
  summary: "list published models by name, and which work here",
  details:
    "Lists the weights of open_clip's list and the checkpoints that transformers' classes name: what to type for " +
    "MODEL, millions of parameters, pixels a side, tokens of a caption, the tokenizer, and whether clip-ts gives the " +
    "original's token ids, pixels and numbers: yes, or by ids or pixels made elsewhere only, or no, and why. With " +
    "WORDs, those that have all of them in name, type, repository or tokenizer: clip-ts models siglip2 384. Nothing is " +
    "asked of the network; ? is what only the checkpoint's own config says. All other models of the hub are named " +
    "hf:owner/name.",
  options: {
    json: { type: "string", value: "FILE", writes: true, help: "write all that is known as JSON; - is stdout" },
  },
  run,
};
