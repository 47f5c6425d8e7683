import { existsSync } from "node:fs";
import { ClipError } from "@clip-ts/base";
import { openaiTemplates, simpleTemplates } from "@clip-ts/model";
import { fileMeant } from "../../cli/named-file.ts";
import { listedIn } from "../../cli/lines.ts";

/** Prompt templates by name, or from a file with one a line, @FILE if it is called like one of the names. */
export async function readTemplates(name: string): Promise<readonly string[]> {
  if (name === "openai") return openaiTemplates;
  if (name === "simple") return simpleTemplates;
  const file = fileMeant(name);
  if (existsSync(file)) return listedIn(file);
  throw new ClipError(
    "not-found",
    `There are no templates "${name}": expected openai, simple or a file with one template a line.`,
  );
}
