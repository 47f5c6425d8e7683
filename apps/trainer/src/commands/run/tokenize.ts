import { needTokenizer } from "@clip-ts/inference";
import { openModel } from "@clip-ts/node";
import type { Arguments } from "../../cli/command.ts";
import { readLines } from "../../cli/lines.ts";
import { print } from "../../cli/output.ts";

/** clip-ts tokenize */
export async function run({ positionals, flag }: Arguments): Promise<void> {
  const onNotice = (): void => undefined; // what is assumed of pictures matters to no caption
  const tokenizer = needTokenizer(await openModel(positionals[0] as string, { onNotice }));
  for await (const caption of readLines("-")) {
    const ids = flag("padded")
      ? Array.from(tokenizer.encodeBatch([caption]).inputIds)
      : tokenizer.encode(caption);
    if (!print(JSON.stringify(ids))) break;
  }
}
