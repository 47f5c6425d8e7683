import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ClipError, isModelFile, modelFiles, selfCheckFile } from "@clip-ts/base";
import type { CardOptions } from "@clip-ts/node";
import type { Arguments, Command } from "../cli/command.ts";
import { note, onNotice } from "../cli/output.ts";

const cardName = "README.md";

/** The model card that goes along, unless the folder has one. */
async function cardFor(
  folder: string,
  args: Arguments,
  told: Pick<CardOptions, "repository" | "isProved">,
): Promise<Record<string, string>> {
  if (existsSync(join(folder, cardName))) return {};
  const { modelCard, openModel } = await import("@clip-ts/node");
  const license = args.text("license");
  const facts = await openModel(folder, { onNotice });
  const options = { ...told, ...(license !== undefined && { license }) };
  return { [cardName]: modelCard(folder, facts, options) };
}

/** The proof that goes along: made on the fastest engine, unless the folder has one. */
async function proofFor(folder: string): Promise<Record<string, string>> {
  if (existsSync(join(folder, selfCheckFile))) return {};
  const { closing, formatSelfCheck } = await import("@clip-ts/inference");
  const { openModel } = await import("@clip-ts/node");
  const { proveOn, provingEngine } = await import("./convert/prove.ts");
  const engine = await provingEngine();
  if (engine === undefined) return {};
  const check = await closing(await openModel(folder, { onNotice }), (model) => proveOn(model, engine));
  return { [selfCheckFile]: formatSelfCheck(check) };
}

async function run(args: Arguments): Promise<void> {
  const { checkUpload, parseHubReference, uploadFolder } = await import("@clip-ts/hub");
  const { readPreprocess } = await import("@clip-ts/inference");
  const { locateModel, lostElsewhere, openClipConfigFor, openFiles } = await import("@clip-ts/node");
  const [model = "", target = ""] = args.positionals;
  checkUpload(target);
  const { repository } = parseHubReference(target);
  const folder = locateModel(model);
  if ((await stat(folder)).isFile()) {
    throw new ClipError("bad-argument", `${model} is a file: convert it into a folder first.`);
  }
  const config = await openClipConfigFor(folder, repository);
  const proof = args.text("self-check") === "off" ? {} : await proofFor(folder);
  const isProved = selfCheckFile in proof || existsSync(join(folder, selfCheckFile));
  const texts = {
    ...(await cardFor(folder, args, { repository, isProved })),
    ...proof,
    ...(config !== undefined && { [modelFiles.openClipConfig]: config }),
  };
  const summary = args.text("message");
  await uploadFolder(folder, target, {
    isPrivate: args.flag("private"),
    texts,
    isWanted: (name) => name === cardName || name === selfCheckFile || isModelFile(name),
    onFile: (name, size) => note(`sending ${name}, ${(size / 2 ** 20).toFixed(1)} MiB`),
    onNotice: note,
    ...(summary !== undefined && { summary }),
  });
  const preprocess = await readPreprocess(await openFiles(folder));
  if (preprocess !== undefined) lostElsewhere(folder, preprocess).forEach(note);
  note(`pushed to ${target}`);
}

/** clip-ts push */
export const pushCommand: Command = {
  name: "push",
  words: "MODEL hf:OWNER/NAME",
  needs: 2,
  sendsModels: true,
  summary: "upload a model to the Hugging Face hub",
  details:
    "Uploads config, preprocessing, tokenizer, weights, self-check.json and a model card (README.md; both made if " +
    "there are none; the folder stays as it is) as one commit. The repository is made if it is not there. HF_TOKEN holds a " +
    "token that may write; HF_ENDPOINT another hub.",
  options: {
    license: { type: "string", value: "ID", help: "licence for the model card, such as mit" },
    private: { type: "boolean", help: "make a new repository private" },
    "self-check": {
      type: "string",
      choices: ["on", "off"],
      help: "send a self-check.json, which warns whoever opens the model of damage and wrong engines (default on)",
    },
    message: { type: "string", value: "TEXT", help: "the commit's message" },
  },
  run,
};
