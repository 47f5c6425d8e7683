import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { ClipError, isClipError } from "@clip-ts/base";
import { openFile, writeFileWhole } from "@clip-ts/files";
import {
  openSafetensors,
  serializeSafetensors,
  type HostTensor,
  type TensorFile,
} from "@clip-ts/weights";
import { writeStdout } from "../../cli/output.ts";

/** Opens a safetensors file for as long as `use` runs. */
export async function withTensors<Result>(
  path: string,
  use: (file: TensorFile) => Promise<Result>,
): Promise<Result> {
  const source = await openFile(path);
  try {
    return await use(await openSafetensors(source, path));
  } finally {
    await source.close();
  }
}

/** Writes a file whole or not at all, with the folders above it; "-" is stdout. */
export async function writeOutput(
  path: string,
  content: Parameters<typeof writeFileWhole>[1],
): Promise<void> {
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
export function writeTensors(
  path: string,
  tensors: Readonly<Record<string, HostTensor>>,
): Promise<void> {
  return writeOutput(path, serializeSafetensors(tensors).chunks());
}
