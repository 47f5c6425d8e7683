import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { ClipError, sameSize, shownSize } from "@clip-ts/base";
import { inputSize } from "@clip-ts/image";
import { openPictureIndex, refuseOtherModel, type PictureIndex } from "@clip-ts/picture-index";
import { createServer, listen, type ClipServer, type Limits, type Listening } from "@clip-ts/server";
import type { Arguments } from "../../cli/command.ts";
import { watchInterruption } from "../../cli/interruption.ts";
import { countOption, numberOption } from "../../cli/options.ts";
import { note, print } from "../../cli/output.ts";
import { weightsDtypeOf } from "../../cli/start-engine.ts";
import { hashModel } from "@clip-ts/node";
import { openTowers, type OpenTowers } from "../shared/open-model.ts";
import { portOf } from "./command.ts";

/** What clients call the model: no path of this machine. */
function nameOf(args: Arguments): string {
  const [model = ""] = args.positionals;
  return args.text("name") ?? (existsSync(model) ? basename(resolve(model)) : model);
}

/** What options say of the limits; the server has the rest. */
function limitsOf(args: Arguments): Partial<Limits> {
  const mebibytes = countOption(args, "max-body");
  const seconds = numberOption(args, "timeout");
  const given: Record<string, number | undefined> = {
    batch: countOption(args, "batch"),
    requests: countOption(args, "max-requests"),
    queue: countOption(args, "queue"),
    inputs: countOption(args, "max-inputs"),
    pixels: countOption(args, "max-pixels"),
    bodyBytes: mebibytes === undefined ? undefined : mebibytes * 2 ** 20,
    deadline: seconds === undefined ? undefined : Math.ceil(1000 * seconds),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<Limits>;
}

/** Opens the index, which has to be of this model. */
async function openIndex(args: Arguments): Promise<PictureIndex | undefined> {
  const folder = args.text("index");
  if (folder === undefined) return undefined;
  const [model = ""] = args.positionals;
  const index = await openPictureIndex(folder);
  try {
    refuseOtherModel(index.record, { name: model, sha256: await hashModel(model, { dtype: weightsDtypeOf(args) }) });
    return index;
  } catch (error) {
    await index.close();
    throw error;
  }
}

/** @throws ClipError "bad-config" for an index of pictures at another size, whose vectors are others. */
function checkSize(index: PictureIndex | undefined, { description }: OpenTowers): void {
  const size = inputSize(description.preprocess);
  if (index === undefined || sameSize(index.record.imageSize, size)) return;
  const { imageSize } = index.record;
  const [theirs, ours] = [shownSize(imageSize), shownSize(size)];
  const message =
    `${index.folder} is of pictures at ${theirs} px, the model is open at ${ours} px: give ` +
    `--image-size ${theirs.replaceAll(" ", "")}.`;
  throw new ClipError("bad-config", message, { data: { imageSize, size } });
}

function start(args: Arguments, towers: OpenTowers, index: PictureIndex | undefined): Promise<ClipServer> {
  const token = args.text("token") ?? process.env["CLIP_TS_TOKEN"];
  const host = args.text("host");
  return createServer({
    model: towers,
    name: nameOf(args),
    ...(index !== undefined && { index }),
    ...(host !== undefined && { host }),
    ...(token !== undefined && !args.flag("no-token") && { token }),
    ...(args.flag("exif") && { honourExif: true }),
    allowsNoToken: args.flag("no-token"),
    hosts: args.texts("allow-host"),
    corsOrigins: args.texts("cors"),
    fetchesUrls: args.flag("allow-urls"),
    showsPaths: args.flag("show-paths"),
    limits: limitsOf(args),
    onError: (error) => note(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  });
}

async function announce(
  args: Arguments,
  listening: Listening,
  served: { readonly server: ClipServer; readonly index: PictureIndex | undefined },
): Promise<void> {
  const { server, index } = served;
  const hasToken = (args.text("token") ?? process.env["CLIP_TS_TOKEN"]) !== undefined && !args.flag("no-token");
  const authorization = hasToken ? ' -H "authorization: Bearer $CLIP_TS_TOKEN"' : "";
  print(`listening at ${listening.url}`);
  print(`model   ${nameOf(args)}`);
  if (index !== undefined) print(`index   ${index.folder}, ${await index.vectors.count()} pictures`);
  note(
    `batches of ${server.sizes.images.join(", ")} pictures and ${server.sizes.texts.join(", ")} short captions give equal bits`,
  );
  if (args.flag("no-token")) note("no token is asked for: everyone who reaches this address is answered");
  print(
    `try     curl ${listening.url}/v1/embeddings${authorization} -H "content-type: application/json" -d '{"input":"a photo of a cat"}'`,
  );
}

/** Serves until somebody asks for an end, and then answers what is in flight. */
export async function serve(args: Arguments): Promise<void> {
  const index = await openIndex(args);
  let towers: OpenTowers | undefined;
  try {
    towers = await openTowers(args, { readsTexts: false });
    checkSize(index, towers);
    const server = await start(args, towers, index);
    const interruption = watchInterruption("answering what is in flight");
    const listening = await listen(server, portOf(args));
    await announce(args, listening, { server, index });
    await interruption.asked;
    if (!(await listening.close())) note("what was not answered in time was cut");
    interruption.release();
  } finally {
    towers?.embedder.dispose();
    await index?.close();
  }
}
