import { joinLeftOut } from "./left-out.ts";
import { type PairRecord, type PairSource, pairSource } from "./pair-source.ts";

/** Several sources as one; keys become `label/key`, so that equal file names do not collide. */
export function joinSources(sources: readonly PairSource[]): PairSource {
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only;
  const records = sources.flatMap(({ label, records }) =>
    records.map((record): PairRecord => ({
      ...record,
      key: `${label}/${record.key}`,
      loadImage: () => record.loadImage(),
    })),
  );
  const label = sources.map((source) => source.label).join(" + ");
  const leftOut = joinLeftOut(sources.map((source) => source.leftOut ?? []));
  return { ...pairSource(label, records), leftOut };
}
