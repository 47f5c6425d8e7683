import { createHash } from "node:crypto";
import { closeSync, createReadStream, createWriteStream, existsSync, mkdirSync, openSync, writeSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";
import { Unzip, UnzipInflate, type UnzipFile } from "fflate";
import { lastLines, megabytes, runProcess, tensorflowVersion, type SetupContext } from "./setup-options.ts";

/** SHA-256 of a file, in hexadecimal. */
export async function checkSum(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}

/** A file that an index offers (PEP 691). */
interface IndexFile {
  readonly filename: string;
  readonly url: string;
  readonly size?: number;
  readonly hashes: { readonly sha256?: string };
}

const unreachable = (url: string, reason: string): ClipError =>
  new ClipError(
    "not-found",
    `${url} cannot be read: ${reason}. Fetch the wheel on another machine ` +
      `(pip download --no-deps tensorflow-cpu==${tensorflowVersion}) and give it with --from FILE.`,
    { data: { url } },
  );

async function request(url: string, headers: Record<string, string>): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { headers });
  } catch (cause) {
    throw unreachable(url, cause instanceof Error ? cause.message : String(cause));
  }
  if (!response.ok) throw unreachable(url, `the server answers ${response.status}`);
  return response;
}

/** The wheel for this machine, whichever Python it is meant for: Python itself is not used. */
async function findWheel({ index, wheelName }: SetupContext): Promise<IndexFile> {
  const url = `${index?.replace(/\/$/u, "")}/${wheelName}/`;
  const response = await request(url, { accept: "application/vnd.pypi.simple.v1+json" });
  const { files } = (await response.json()) as { readonly files: readonly IndexFile[] };
  const start = `${wheelName.replaceAll("-", "_")}-${tensorflowVersion}-`;
  const found = files.find(({ filename }) => filename.startsWith(start) && /manylinux.*_x86_64\.whl$/u.test(filename));
  if (found === undefined) throw unreachable(url, `it lists no ${start}*manylinux*_x86_64.whl`);
  return { ...found, url: new URL(found.url, response.url).href };
}

/** Continues `partial`, or starts it anew where the server does not continue. */
async function fetchRest({ url }: IndexFile, partial: string): Promise<void> {
  const have = existsSync(partial) ? (await stat(partial)).size : 0;
  const response = await request(url, have > 0 ? { range: `bytes=${have}-` } : {});
  const continues = response.status === 206;
  if (response.body === null) throw unreachable(url, "the answer is empty");
  const target = createWriteStream(partial, { flags: continues ? "a" : "w" });
  await pipeline(response.body, target);
}

/**
 * Fetches the wheel from a Python package index without any Python, continuing where a broken attempt
 * ended. @returns its path.
 * @throws ClipError "bad-data" if its checksum is not the one the index gives.
 */
export async function downloadWheel(context: SetupContext): Promise<string> {
  const file = await findWheel(context);
  const folder = `${context.cache}-wheel`;
  const [path, partial] = [join(folder, file.filename), join(folder, `${file.filename}.partial`)];
  if (existsSync(path)) return path;
  await mkdir(folder, { recursive: true });
  const size = file.size === undefined ? "" : ` (${megabytes(file.size)})`;
  context.report(`fetching ${file.filename}${size}`);
  if (!existsSync(partial) || (await stat(partial)).size !== file.size) {
    await fetchRest(file, partial);
  }
  const [actual, expected] = [await checkSum(partial), file.hashes.sha256];
  if (expected === undefined || actual !== expected) {
    await rm(partial);
    throw new ClipError(
      "bad-data",
      `${file.filename} arrived damaged: its SHA-256 is ${actual}, the index says ` +
        `${expected ?? "nothing"}. It was deleted; run the setup again.`,
      { data: { actual, expected } },
    );
  }
  context.report(`  SHA-256 ${actual}, as the index says`);
  await rename(partial, path);
  return path;
}

/** Ways to call pip, likeliest first. */
const pips: readonly (readonly [string, ...string[]])[] = [["python3", "-m", "pip"], ["pip3"], ["pip"]];

/** The words that call pip here; undefined where there is none. */
export async function findPip(environment: NodeJS.ProcessEnv): Promise<readonly [string, ...string[]] | undefined> {
  for (const pip of pips) {
    const [command, ...args] = pip;
    const { code } = await runProcess(command, [...args, "--version"], environment);
    if (code === 0) return pip;
  }
  return undefined;
}

async function wheelIn(folder: string, name: string): Promise<string | undefined> {
  const files = await readdir(folder).catch((): string[] => []);
  const start = `${name.replaceAll("-", "_")}-${tensorflowVersion}-`;
  const found = files.find((file) => file.startsWith(start) && file.endsWith(".whl"));
  return found === undefined ? undefined : join(folder, found);
}

/**
 * Fetches the wheel with pip, which verifies it and knows the user's own indexes.
 * @returns its path; undefined where there is no pip.
 * @throws ClipError "not-found" with what pip said.
 */
export async function pipWheel(context: SetupContext): Promise<string | undefined> {
  const { cache, environment, report, wheelName } = context;
  const folder = `${cache}-wheel`;
  const present = await wheelIn(folder, wheelName);
  if (present !== undefined) return present;
  const pip = await findPip(environment);
  if (pip === undefined) return undefined;
  const [command, ...args] = pip;
  await mkdir(folder, { recursive: true });
  report(`fetching ${wheelName} ${tensorflowVersion} with ${pip.join(" ")}`);
  const what = `${wheelName}==${tensorflowVersion}`;
  const options = ["download", "--no-deps", "--only-binary=:all:", "--dest", folder, what];
  const { stderr } = await runProcess(command, [...args, ...options], environment);
  const wheel = await wheelIn(folder, wheelName);
  if (wheel !== undefined) {
    report(`  SHA-256 ${await checkSum(wheel)}`);
    return wheel;
  }
  throw new ClipError(
    "not-found",
    `pip cannot fetch ${what}:\n${lastLines(stderr)}\n` +
      "  The wheels are for Linux on x86-64. If this Python is too new or too old, fetch one with another " +
      "and give it with --from FILE.",
    { data: { what } },
  );
}

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
