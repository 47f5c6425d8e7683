import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import { lastLines, runProcess, type SetupContext } from "./setup-options.ts";
import { checkSum, downloadWheel, findPip, libraryNames, pipWheel, unpackFiles, unpackWheel } from "./wheels.ts";

/** Packages that a wheel asks for with its CUDA libraries: `nvidia-cublas-cu12<13.0,>=12.5.3.2`. */
export function cudaRequirements(metadata: string): string[] {
  const lines = metadata.match(/^Requires-Dist: .*$/gmu) ?? [];
  return lines
    .filter((line) => /extra == ["']and-cuda["']/u.test(line))
    .map((line) => line.replace("Requires-Dist: ", "").replace(/;.*$/u, "").replaceAll(/\s/gu, ""));
}

async function downloadAll(requirements: readonly string[], context: SetupContext, into: string) {
  const { environment, report } = context;
  const pip = await findPip(environment);
  if (pip === undefined) {
    throw new ClipError(
      "not-found",
      "There is no pip to fetch CUDA's libraries with. Install it (Debian, Ubuntu: apt install " +
        "python3-pip), or install CUDA 12 with cuDNN 9 and put both on LD_LIBRARY_PATH.",
    );
  }
  const [command, ...args] = pip;
  const options = ["download", "--no-deps", "--only-binary=:all:", "--dest", into];
  for (const requirement of requirements) {
    report(`fetching ${requirement}`);
    const { code, stderr } = await runProcess(command, [...args, ...options, requirement], environment);
    if (code === 0) continue;
    throw new ClipError("not-found", `pip cannot fetch ${requirement}:\n${lastLines(stderr)}`, {
      data: { requirement },
    });
  }
}

/**
 * Puts the CUDA libraries that the wheel names beside TensorFlow's, where those look for them
 * (`../nvidia/NAME/lib`). Nothing is fetched twice. @returns the folder.
 * @throws ClipError "not-found" if pip is missing or cannot fetch them.
 */
export async function fetchCudaLibraries(libraries: string, context: SetupContext): Promise<string | undefined> {
  const target = join(dirname(libraries), "nvidia");
  if (existsSync(target)) return target;
  const metadata = await readFile(join(libraries, "METADATA"), "utf8").catch(() => "");
  const requirements = cudaRequirements(metadata);
  if (requirements.length === 0) {
    context.report("this TensorFlow names no CUDA packages: those of the system are used");
    return undefined;
  }
  const work = await mkdtemp(join(dirname(libraries), "cuda-"));
  try {
    await downloadAll(requirements, context, work);
    const partial = join(work, "unpacked");
    for (const wheel of (await readdir(work)).filter((file) => file.endsWith(".whl"))) {
      await unpackFiles(join(work, wheel), partial, (name) =>
        /^nvidia\/[^/]+\/(lib|bin|nvvm)\/.+/u.test(name) ? name : undefined,
      );
    }
    await rename(join(partial, "nvidia"), target);
  } finally {
    await rm(work, { recursive: true });
  }
  return target;
}

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
export async function findLibraries(from: string | undefined, context: SetupContext): Promise<string> {
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
