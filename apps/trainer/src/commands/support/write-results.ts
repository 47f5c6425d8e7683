import type { Arguments } from "../../cli/command.ts";
import type { OpenModel } from "./open-model.ts";
import { writeOutput } from "./tensor-files.ts";

/** Typed arrays as plain ones, which JSON would turn into objects. */
function replaceTyped(_key: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) ? Array.from(value as Uint32Array) : value;
}

/** Writes what `--json` asks for, if it is given: the model, the engine and what was found. */
export async function writeResults(
  args: Arguments,
  { engine }: OpenModel,
  found: object,
): Promise<void> {
  const file = args.text("json");
  if (file === undefined) return;
  const { compiler: _compiler, ...ran } = engine;
  const content = { model: args.positionals[0], engine: ran, ...found };
  await writeOutput(file, `${JSON.stringify(content, replaceTyped, 2)}\n`);
}
