import { createWriteStream, existsSync } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";
import { checkSum } from "./check-sum.ts";
import { megabytes, tensorflowVersion, type SetupContext } from "./setup-options.ts";

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
  const found = files.find(
    ({ filename }) => filename.startsWith(start) && /manylinux.*_x86_64\.whl$/u.test(filename),
  );
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
