import { existsSync } from "node:fs";
import { ClipError } from "@clip-ts/base";
import { openaiTemplates, simpleTemplates } from "@clip-ts/model";
import { listedIn } from "../../cli/lines.ts";

/** Prompt templates by name, or from a file with one a line. */
export async function readTemplates(name: string): Promise<readonly string[]> {
  if (name === "openai") return openaiTemplates;
  if (name === "simple") return simpleTemplates;
  if (existsSync(name)) return listedIn(name);
  throw new ClipError(
    "not-found",
    `There are no templates "${name}": expected openai, simple or a file with one template a line.`,
  );
}
