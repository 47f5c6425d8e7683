import type { Arguments, Command } from "../cli/command.ts";
import { readLines } from "../cli/lines.ts";
import { languageOption } from "../cli/options.ts";
import { print } from "../cli/output.ts";

async function run({ positionals, flag, text }: Arguments): Promise<void> {
  const { needTokenizer } = await import("@clip-ts/inference");
  const { openModel } = await import("@clip-ts/node");
  const onNotice = (): void => undefined; // what is assumed of pictures matters to no caption
  const tokenizer = needTokenizer(await openModel(positionals[0] as string, { onNotice, language: text("language") }));
  for await (const caption of readLines("-")) {
    const ids = flag("padded") ? Array.from(tokenizer.encodeBatch([caption]).inputIds) : tokenizer.encode(caption);
    if (!print(JSON.stringify(ids))) break;
  }
}

/** clip-ts tokenize */
export const tokenizeCommand: Command = {
  name: "tokenize",
  words: "MODEL",
  needs: 1,
  summary: "turn captions on stdin into token ids",
  details: "Reads one caption a line and prints one JSON array of ids a line, start and end token included.",
  options: {
    language: languageOption,
    padded: { type: "boolean", help: "fill each array up to the model's context length" },
  },
  run,
};
