import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { ClipError, isClipError } from "@clip-ts/base";
import { openFile, writeFileWhole } from "@clip-ts/files";
import { openSafetensors, serializeSafetensors, type HostTensor, type TensorFile } from "@clip-ts/weights";
import type { Arguments } from "../../cli/command.ts";
import { writeStdout } from "../../cli/output.ts";
import type { OpenModel } from "./open-model.ts";

/** Opens a safetensors file for as long as `use` runs. */
export async function withTensors<Result>(path: string, use: (file: TensorFile) => Promise<Result>): Promise<Result> {
  const source = await openFile(path);
  try {
    return await use(await openSafetensors(source, path));
  } finally {
    await source.close();
  }
}

/** Writes a file whole or not at all, with the folders above it; "-" is stdout. */
export async function writeOutput(path: string, content: Parameters<typeof writeFileWhole>[1]): Promise<void> {
  if (path === "-") return writeStdout(content);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFileWhole(path, content);
  } catch (cause) {
    if (isClipError(cause)) throw cause; // from what makes the content
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError("bad-argument", `${path} cannot be written: ${reason}`, { cause });
  }
}

/** Writes a safetensors file. */
export function writeTensors(path: string, tensors: Readonly<Record<string, HostTensor>>): Promise<void> {
  return writeOutput(path, serializeSafetensors(tensors).chunks());
}

/** Typed arrays as plain ones, which JSON would turn into objects. */
function replaceTyped(_key: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) ? Array.from(value as Uint32Array) : value;
}

/** Writes what `--json` asks for, if it is given: the model, the engine and what was found. */
export async function writeResults(args: Arguments, { engine }: OpenModel, found: object): Promise<void> {
  const file = args.text("json");
  if (file === undefined) return;
  const { compiler: _compiler, ...ran } = engine;
  const content = { model: args.positionals[0], engine: ran, ...found };
  await writeOutput(file, `${JSON.stringify(content, replaceTyped, 2)}\n`);
}
