import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import {
  describeModel,
  isModelFile,
  locateModel,
  modelCard,
  parseHubReference,
  uploadFolder,
} from "@clip-ts/node";
import type { Arguments, Command } from "../cli/command.ts";
import { note } from "../cli/output.ts";
import { writeOutput } from "./support/tensor-files.ts";

const cardName = "README.md";

/** Writes a model card into the folder, unless there is one. */
async function writeCard(folder: string, args: Arguments, repository: string): Promise<void> {
  const path = join(folder, cardName);
  if (existsSync(path)) return;
  const license = args.text("license");
  const facts = await describeModel(folder);
  const card = modelCard(folder, facts, { repository, ...(license !== undefined && { license }) });
  await writeOutput(path, card);
  note(`wrote a model card, ${path}`);
}

/** clip-ts push */
export const pushCommand: Command = {
  name: "push",
  words: "MODEL hf:OWNER/NAME",
  needs: 2,
  sendsModels: true,
  summary: "upload a model to the Hugging Face hub",
  details:
    "Uploads config, preprocessing, tokenizer, weights and a model card (README.md, written if " +
    "there is none) as one commit. The repository is made if it is not there. HF_TOKEN holds a " +
    "token that may write; HF_ENDPOINT another hub.",
  options: {
    license: { type: "string", value: "ID", help: "licence for the model card, such as mit" },
    private: { type: "boolean", help: "make a new repository private" },
    message: { type: "string", value: "TEXT", help: "the commit's message" },
  },
  async run(args) {
    const [model = "", target = ""] = args.positionals;
    const { repository } = parseHubReference(target);
    const folder = locateModel(model);
    if ((await stat(folder)).isFile()) {
      throw new ClipError("bad-argument", `${model} is a file: convert it into a folder first.`);
    }
    await writeCard(folder, args, repository);
    const summary = args.text("message");
    await uploadFolder(folder, target, {
      isPrivate: args.flag("private"),
      isWanted: (name) => name === cardName || isModelFile(name),
      onFile: (name, size) => note(`sending ${name}, ${(size / 2 ** 20).toFixed(1)} MiB`),
      ...(summary !== undefined && { summary }),
    });
    note(`pushed to ${target}`);
  },
};
