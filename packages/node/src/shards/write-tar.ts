import { createHash } from "node:crypto";
import type { Pack } from "tar-stream";

/** A sample to be written: files that share its key. */
export interface TarSampleFiles {
  /** Without dots in its last name, since the first dot ends it there. */
  readonly key: string;
  /** By their endings, `jpg` or `txt`; in the order in which they are written. */
  readonly files: Readonly<Record<string, Uint8Array | string>>;
}

/** Time of all entries, so that the same samples give the same bytes. */
const epoch = new Date(0);

function addEntry(tar: Pack, name: string, content: Uint8Array | string): Promise<void> {
  const bytes = typeof content === "string" ? Buffer.from(content) : Buffer.from(content);
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    tar.entry({ name, size: bytes.byteLength, mtime: epoch, mode: 0o644, uname: "", gname: "" }, bytes, done);
  });
}

/** A key whose last name has a dot would end there when it is read: dots become `_`, and a hash keeps it unique. */
export function writableKey(key: string): string {
  const start = key.lastIndexOf("/") + 1;
  const [folder, name] = [key.slice(0, start), key.slice(start)];
  if (!name.includes(".") && name !== "") return key;
  return `${folder}${name.replaceAll(".", "_")}_${createHash("sha256").update(key).digest("hex").slice(0, 8)}`;
}

/**
 * A WebDataset tar, piece by piece, to be written by `writeFileWhole`: samples in their order, `KEY.ENDING` each.
 * Names that are long or not ASCII get pax headers. The same samples give the same bytes.
 */
export async function* writeTar(
  samples: Iterable<TarSampleFiles> | AsyncIterable<TarSampleFiles>,
): AsyncGenerator<Uint8Array> {
  const { pack } = await import("tar-stream"); // few programs write shards
  const tar = pack();
  const writing = (async () => {
    for await (const { key, files } of samples) {
      const name = writableKey(key);
      for (const [ending, content] of Object.entries(files)) await addEntry(tar, `${name}.${ending}`, content);
    }
    tar.finalize();
  })();
  writing.catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))));
  yield* tar as AsyncIterable<Uint8Array>;
  await writing;
}
