import { closeSync, createReadStream, existsSync, mkdirSync, openSync, writeSync } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { Unzip, UnzipInflate, type UnzipFile } from "fflate";
import { megabytes, type SetupContext } from "./setup-options.ts";

/** The names of the two libraries, in a wheel as on disk. */
export const libraryNames = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"] as const;

const wanted = new RegExp(`^tensorflow/(include/.*|${libraryNames.join("|")})$`, "u");

/** Writes one file of the archive as it arrives. @returns whether the file belongs here. */
function unpackFile(file: UnzipFile, folder: string): boolean {
  const isSafe = !file.name.split("/").includes("..");
  if (!wanted.test(file.name) || !isSafe || file.name.endsWith("/")) return false;
  const path = join(folder, file.name.slice("tensorflow/".length));
  mkdirSync(dirname(path), { recursive: true });
  const target = openSync(path, "w");
  file.ondata = (error, chunk, isLast) => {
    if (error !== null) throw error;
    writeSync(target, chunk);
    if (isLast) closeSync(target);
  };
  file.start();
  return true;
}

/** Unpacks libraries and headers of a wheel into `folder`, in pieces: it never lies in memory whole. */
async function unpackInto(wheel: string, folder: string): Promise<number> {
  let files = 0;
  const unzip = new Unzip((file) => {
    files += unpackFile(file, folder) ? 1 : 0;
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
    const files = await unpackInto(wheel, partial);
    const missing = libraryNames.filter((name) => !existsSync(join(partial, name)));
    if (missing.length > 0) throw new Error(`it holds no ${missing.join(" and no ")}`);
    for (const name of libraryNames) {
      report(`  ${name} ${megabytes((await stat(join(partial, name))).size)}`);
    }
    report(`  ${files - libraryNames.length} headers`);
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
