import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "@clip-ts/node";

/** Writes a model that has learnt nothing, as the quickstart writes its own; returns the folder. */
export async function writeRandomModel(folder: string): Promise<string> {
  const config = preset("tiny");
  const white = [255, 255, 255] as const;
  const preprocess = { ...clipPreprocess(config.vision.imageSize), alpha: white };
  await writeModel(folder, { config, preprocess, ...tokenizerFor(config) }, initClip(config, 1));
  return folder;
}
