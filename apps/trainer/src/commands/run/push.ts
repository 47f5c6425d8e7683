import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ClipError, isModelFile, modelFiles } from "@clip-ts/base";
import { checkUpload, parseHubReference, uploadFolder } from "@clip-ts/hub";
import { readPreprocess } from "@clip-ts/inference";
import { locateModel, lostElsewhere, modelCard, openClipConfigFor } from "@clip-ts/node";
import { openModel, openFiles } from "@clip-ts/node";
import { onNotice } from "../../cli/notice.ts";
import type { Arguments } from "../../cli/command.ts";
import { note } from "../../cli/output.ts";

const cardName = "README.md";

/** The model card that goes along, unless the folder has one. */
async function cardFor(
  folder: string,
  args: Arguments,
  repository: string,
): Promise<Record<string, string>> {
  if (existsSync(join(folder, cardName))) return {};
  const license = args.text("license");
  const facts = await openModel(folder, { onNotice });
  const options = { repository, ...(license !== undefined && { license }) };
  return { [cardName]: modelCard(folder, facts, options) };
}

/** clip-ts push */
export async function run(args: Arguments): Promise<void> {
  const [model = "", target = ""] = args.positionals;
  checkUpload(target);
  const { repository } = parseHubReference(target);
  const folder = locateModel(model);
  if ((await stat(folder)).isFile()) {
    throw new ClipError("bad-argument", `${model} is a file: convert it into a folder first.`);
  }
  const config = await openClipConfigFor(folder, repository);
  const texts = {
    ...(await cardFor(folder, args, repository)),
    ...(config !== undefined && { [modelFiles.openClipConfig]: config }),
  };
  const summary = args.text("message");
  await uploadFolder(folder, target, {
    isPrivate: args.flag("private"),
    texts,
    isWanted: (name) => name === cardName || isModelFile(name),
    onFile: (name, size) => note(`sending ${name}, ${(size / 2 ** 20).toFixed(1)} MiB`),
    onNotice: note,
    ...(summary !== undefined && { summary }),
  });
  const preprocess = await readPreprocess(await openFiles(folder));
  if (preprocess !== undefined) lostElsewhere(folder, preprocess).forEach(note);
  note(`pushed to ${target}`);
}
