import { existsSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import { checkSum } from "./check-sum.ts";
import { downloadWheel } from "./download-wheel.ts";
import { pipWheel } from "./pip-wheel.ts";
import type { SetupContext } from "./setup-options.ts";
import { libraryNames, unpackWheel } from "./unpack-wheel.ts";

/** Whether a folder holds both libraries and their headers. */
function isComplete(folder: string): boolean {
  return [...libraryNames, "include"].every((name) => existsSync(join(folder, name)));
}

async function wheelAt(path: string): Promise<string | undefined> {
  if (path.endsWith(".whl")) return path;
  const wheel = (await readdir(path)).find((file) => /^tensorflow.*\.whl$/u.test(file));
  return wheel === undefined ? undefined : join(path, wheel);
}

async function givenLibraries(from: string, context: SetupContext): Promise<string> {
  const path = resolve(from);
  const folder = [path, join(path, "tensorflow")].find(isComplete);
  if (folder !== undefined) return folder;
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  const wheel = exists ? await wheelAt(path) : undefined;
  if (wheel === undefined) {
    throw new ClipError(
      "not-found",
      `${path} ${exists ? "holds" : "does not exist; expected"} ${exists ? "neither" : ""} a tensorflow ` +
        `wheel ${exists ? "nor" : "or a folder with"} ${libraryNames.join(", ")} and include.`,
      { data: { from } },
    );
  }
  context.report(`${wheel}\n  SHA-256 ${await checkSum(wheel)}`);
  await unpackWheel(wheel, context);
  return context.cache;
}

/**
 * The folder with TensorFlow's libraries and headers: the one given, the cache, or what pip or a package
 * index provide.
 */
export async function findLibraries(
  from: string | undefined,
  context: SetupContext,
): Promise<string> {
  if (from !== undefined) return givenLibraries(from, context);
  if (isComplete(context.cache)) return context.cache;
  let wheel = await pipWheel(context);
  if (wheel === undefined && context.index === undefined) {
    throw new ClipError(
      "not-found",
      "There is no pip to fetch TensorFlow with. Install it (Debian, Ubuntu: apt install python3-pip), " +
        "or give a package index with --index URL, or the wheel with --from FILE.",
    );
  }
  wheel ??= await downloadWheel(context);
  await unpackWheel(wheel, context);
  await rm(dirname(wheel), { recursive: true }); // its contents are all that is needed
  return context.cache;
}
