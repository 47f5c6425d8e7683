/** A folder of small and large files, whoever keeps it: a disk, a browser's storage, memory. */
export interface IndexFiles {
  /** The content, or undefined if there is no such file. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Writes a file whole or not at all. */
  write(name: string, chunks: Iterable<Uint8Array>): Promise<void>;
  /** Removes a file, if it is there. */
  remove(name: string): Promise<void>;
  /** Names of all files. */
  list(): Promise<readonly string[]>;
}
