import { closeSync, createReadStream, existsSync, mkdirSync, openSync, writeSync } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { Unzip, UnzipInflate, type UnzipFile } from "fflate";
import { megabytes, type SetupContext } from "./setup-options.ts";

/** The names of the two libraries, in a wheel as on disk. */
export const libraryNames = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"] as const;

const wanted = new RegExp(`^tensorflow/(include/.*|${libraryNames.join("|")})$`, "u");

/** Where a file of TensorFlow's wheel goes, if anywhere. */
function placeOf(name: string): string | undefined {
  if (/^tensorflow[^/]*\.dist-info\/METADATA$/u.test(name)) return "METADATA";
  return wanted.test(name) ? name.slice("tensorflow/".length) : undefined;
}

/** Writes one file of the archive as it arrives. */
function unpackFile(file: UnzipFile, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const target = openSync(path, "w");
  file.ondata = (error, chunk, isLast) => {
    if (error !== null) throw error;
    writeSync(target, chunk);
    if (isLast) closeSync(target);
  };
  file.start();
}

/**
 * Unpacks those files of an archive that have a place in `folder`, in pieces: it never lies in memory
 * whole. Names that lead outside have none. @returns how many.
 */
export async function unpackFiles(
  wheel: string,
  folder: string,
  place: (name: string) => string | undefined,
): Promise<number> {
  let files = 0;
  const unzip = new Unzip((file) => {
    const path = file.name.endsWith("/") ? undefined : place(file.name);
    if (path === undefined || path.split("/").includes("..")) return;
    unpackFile(file, join(folder, path));
    files++;
  });
  unzip.register(UnzipInflate);
  for await (const chunk of createReadStream(wheel, { highWaterMark: 1 << 20 })) {
    unzip.push(chunk as Buffer);
  }
  unzip.push(new Uint8Array(0), true);
  return files;
}

/**
 * Unpacks libraries and headers of a TensorFlow wheel into the cache, whole or not at all.
 * @throws ClipError "bad-data" if it is not such a wheel.
 */
export async function unpackWheel(wheel: string, { cache, report }: SetupContext): Promise<void> {
  const partial = `${cache}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  report(`unpacking ${wheel} (${megabytes((await stat(wheel)).size)})`);
  try {
    const files = await unpackFiles(wheel, partial, placeOf);
    const missing = libraryNames.filter((name) => !existsSync(join(partial, name)));
    if (missing.length > 0) throw new Error(`it holds no ${missing.join(" and no ")}`);
    for (const name of libraryNames) {
      report(`  ${name} ${megabytes((await stat(join(partial, name))).size)}`);
    }
    report(`  ${files - libraryNames.length} headers and notes`);
    await rm(cache, { recursive: true, force: true });
    await rename(partial, cache);
  } catch (cause) {
    await rm(partial, { recursive: true, force: true });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError(
      "bad-data",
      `${wheel} cannot be unpacked as a TensorFlow wheel for Linux: ${reason}. Delete it and run the ` +
        "setup again, or give another one with --from.",
      { data: { wheel }, cause },
    );
  }
}
