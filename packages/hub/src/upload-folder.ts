import { open, readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ClipError, parseHubReference } from "@clip-ts/base";
import { hubSettings, type HubSettings } from "./hub-settings.ts";
import { odd, statusOf } from "./hub-errors.ts";
import { requestHub } from "./request-hub.ts";
import { requestJson } from "./hub-answers.ts";
import { hashFile, uploadObject, type LargeFile } from "./upload-object.ts";

/** How a folder is uploaded. */
export interface UploadOptions {
  readonly settings?: HubSettings;
  /** Makes a repository that only its owner sees, if it has to be made. */
  readonly isPrivate?: boolean;
  /** First line of the commit's message. */
  readonly summary?: string;
  /** Which of the folder's files go; all of them if absent. */
  readonly isWanted?: (name: string) => boolean;
  /** Small files by name: their text goes as if it lay there, in place of what the folder has of that name. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Hears of every file before it is sent. */
  readonly onFile?: (name: string, size: number) => void;
  /** Hears in a line why the hub is asked again. */
  readonly onNotice?: (message: string) => void;
}

/** A file of the folder, or a text that goes as one. */
type LocalFile = { readonly name: string; readonly size: number } & (
  | { readonly path: string }
  | { readonly bytes: Uint8Array }
);

/** The hub looks at a file's first bytes to tell text from data. */
const sampleLength = 512;

const jsonHeaders = { "content-type": "application/json" };

async function listFolder(folder: string, isWanted: (name: string) => boolean): Promise<LocalFile[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .filter(isWanted);
  return Promise.all(
    names.toSorted().map(async (name) => {
      const path = join(folder, name);
      return { name, path, size: (await stat(path)).size };
    }),
  );
}

async function createRepository(settings: HubSettings, repository: string, isPrivate: boolean): Promise<void> {
  const [organization, name] = repository.split("/");
  const body = JSON.stringify({ type: "model", name, organization, private: isPrivate });
  try {
    const url = `${settings.endpoint}/api/repos/create`;
    (await requestHub(url, settings, { method: "POST", headers: jsonHeaders, body })).discard();
  } catch (error) {
    if (statusOf(error) !== 409) throw error; // it exists
  }
}

function textFiles(texts: Readonly<Record<string, string>>): LocalFile[] {
  return Object.entries(texts).map(([name, text]) => {
    const bytes = Buffer.from(text);
    return { name, bytes, size: bytes.byteLength };
  });
}

async function sampleOf(file: LocalFile): Promise<string> {
  if ("bytes" in file) return Buffer.from(file.bytes.subarray(0, sampleLength)).toString("base64");
  const handle = await open(file.path, "r");
  try {
    const sample = Buffer.alloc(Math.min(file.size, sampleLength));
    await handle.read(sample, 0, sample.byteLength, 0);
    return sample.toString("base64");
  } finally {
    await handle.close();
  }
}

/** Names of the files that the hub wants in its store of large files. */
async function askLarge(settings: HubSettings, api: string, files: readonly LocalFile[]): Promise<ReadonlySet<string>> {
  const described = await Promise.all(
    files.map(async (file) => ({
      path: file.name,
      size: file.size,
      sample: await sampleOf(file),
    })),
  );
  const url = api.replace("/commit/", "/preupload/");
  const answer = await requestJson(url, settings, {
    method: "POST",
    headers: jsonHeaders,
    body: JSON.stringify({ files: described }),
  });
  if (!Array.isArray(answer["files"])) throw odd(url, "does not say how files are sent.");
  const modes = answer["files"] as { readonly path: string; readonly uploadMode: string }[];
  return new Set(modes.filter((file) => file.uploadMode === "lfs").map(({ path }) => path));
}

/** A line of the commit: the content of a small file, or what a large one is known by. */
async function commitLine(file: LocalFile, large: LargeFile | undefined): Promise<object> {
  if (large !== undefined) {
    const { oid, size } = large;
    return { key: "lfsFile", value: { path: file.name, algo: "sha256", oid, size } };
  }
  const bytes = "bytes" in file ? Buffer.from(file.bytes) : await readFile(file.path);
  const content = bytes.toString("base64");
  return { key: "file", value: { path: file.name, content, encoding: "base64" } };
}

/** Sends a file if it is a large one; texts never are. @returns its line of the commit. */
async function sendFile(settings: HubSettings, repository: string, file: LocalFile, isLarge: boolean): Promise<object> {
  if (!isLarge || "bytes" in file) return commitLine(file, undefined);
  const object = { path: file.path, size: file.size, oid: await hashFile(file.path) };
  await uploadObject(settings, repository, object);
  return commitLine(file, object);
}

/**
 * Checks what can be known of an upload before anything is read, made or sent.
 * @throws ClipError "bad-argument" where it is clear that nothing may be written to `model`.
 */
export function checkUpload(model: string, { token }: HubSettings = hubSettings()): void {
  const { repository } = parseHubReference(model);
  if (token !== undefined && repository.includes("/")) return;
  throw new ClipError(
    "bad-argument",
    `Uploading to hf:${repository} needs an owner in its name and a token that may write: set HF_TOKEN.`,
    { data: { repository } },
  );
}

/**
 * Uploads the files of a folder to a model repository of the hub, which is made if it is not there, as
 * one commit. Large files are sent first; what the hub has already is not sent again.
 * @throws ClipError "bad-argument" without a token, and for what the hub refuses.
 */
export async function uploadFolder(folder: string, model: string, options: UploadOptions = {}): Promise<void> {
  const { isPrivate = false, summary = "Upload model", onNotice } = options;
  const given = options.settings ?? hubSettings();
  const settings = onNotice === undefined ? given : { ...given, onNotice };
  const { repository, revision } = parseHubReference(model);
  checkUpload(model, settings);
  const stored = await listFolder(folder, options.isWanted ?? (() => true));
  const { texts = {} } = options;
  const files = [...textFiles(texts), ...stored.filter(({ name }) => !(name in texts))];
  await createRepository(settings, repository, isPrivate);
  const api = `${settings.endpoint}/api/models/${repository}/commit/${encodeURIComponent(revision)}`;
  const large = await askLarge(settings, api, files);
  const lines: object[] = [{ key: "header", value: { summary, description: "" } }];
  for (const file of files) {
    options.onFile?.(file.name, file.size);
    lines.push(await sendFile(settings, repository, file, large.has(file.name)));
  }
  const body = lines.map((line) => JSON.stringify(line)).join("\n");
  const headers = { "content-type": "application/x-ndjson" };
  const isOnce = true; // a commit made twice would be two
  (await requestHub(api, settings, { method: "POST", headers, body, isOnce })).discard();
}
