import { basename } from "node:path";
import { isHubReference } from "@clip-ts/base";
import { readJson } from "@clip-ts/files";
import { readConfigs } from "@clip-ts/inference";
import { unusedDropout, type ClipConfig } from "@clip-ts/model";
import { openFiles } from "@clip-ts/node";
import type { RunModelOptions } from "./model.ts";

/** What a stored model's config says, whichever library wrote it. */
async function readStored(model: string): Promise<unknown> {
  if (!isHubReference(model) && basename(model).endsWith(".json")) return readJson(model);
  const { own, openClip } = await readConfigs(await openFiles(model));
  return own ?? openClip;
}

/** What of a whole model is not asked where one of its towers is taken. */
const otherSections: Readonly<Record<string, RegExp>> = { vision: /(?:^|\.)text/u, text: /(?:^|\.)vision/u };

/**
 * A line for each share of dropout or stochastic depth that the models which a run begins with name in their files, and
 * that training here does not apply.
 */
export async function unusedSettings(
  { from, config, vision, text }: Pick<RunModelOptions, "from" | "config" | "vision" | "text">,
  trained: ClipConfig,
): Promise<string[]> {
  const places = { from, config, vision, text };
  const lines: string[] = [];
  for (const [name, place] of Object.entries(places)) {
    if (place === undefined) continue;
    const found = unusedDropout(await readStored(place), trained, { isText: name === "text" });
    const others = otherSections[name];
    for (const { key, value } of found) {
      if (others?.test(key) === true) continue;
      lines.push(`not applied: ${key} ${value} of "model.${name}" (${place}); nothing is dropped there in training`);
    }
  }
  return lines;
}
