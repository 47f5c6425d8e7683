import type { PairRecord, PairSource } from "@clip-ts/data";

/** A source whose images are read and decoded once, however many streams of batches ask for them. */
export function rememberImages({ label, records }: PairSource): PairSource {
  const remembered = (record: PairRecord): PairRecord => {
    let image: ReturnType<PairRecord["loadImage"]> | undefined;
    return { ...record, loadImage: () => (image ??= record.loadImage()) };
  };
  return { label, records: records.map(remembered) };
}
