import type { ByteReader } from "../byte-reader.ts";
import { createTally, type LeftOutTally } from "../left-out.ts";
import type { ShardFacts } from "../shards/shard-facts.ts";
import { cutName, isUnsafeName } from "./group.ts";
import { createRecordWriter, type IndexedFile, type RecordWriter } from "./index-records.ts";
import type { TarIndex } from "./tar-index-file.ts";
import { walkTar, type TarEntry } from "./walk-tar.ts";

/** No image is larger; it would have to be in memory whole. */
const largestEntry: number = 64 * 2 ** 20;

/** A shard of more samples is none: its keys alone would fill the memory. */
const mostSamples: number = 2 ** 21;

/** Joins entries that follow each other to samples. */
interface Grouping {
  add(entry: TarEntry): void;
  /** Writes the last sample. */
  end(): void;
}

/** Whether an entry is refused, which is counted. webdataset leaves out names such as `__meta__`, too. */
function isRefused({ name, size, type, isSparse }: TarEntry, tally: LeftOutTally): boolean {
  if (type === "5" || /^__[^/]*__(?:$|\/)/.test(name)) return true;
  if (type !== "0") tally.add("special", name, "a link, a device or the like");
  else if (isSparse) tally.add("special", name, "a sparse file, which has holes: make the tar without them");
  else if (isUnsafeName(name)) tally.add("unsafe-name", name);
  else if (size > largestEntry) tally.add("large-entry", name, `has ${size} bytes, at most ${largestEntry} are read`);
  else return false;
  return true;
}

function createGrouping(writer: RecordWriter, tally: LeftOutTally): Grouping {
  const seen = new Set<string>();
  let current: { readonly key: string; readonly files: IndexedFile[] } | undefined;
  const end = (): void => {
    if (current !== undefined) writer.add(current);
    current = undefined;
  };
  return {
    end,
    add(entry) {
      if (isRefused(entry, tally)) return;
      const cut = cutName(entry.name);
      if (cut === undefined) return tally.add("nameless", entry.name);
      const { key, ending } = cut;
      if (current?.key !== key) {
        if (seen.has(key)) {
          const reason = "the files of a sample do not follow each other: make the tar with its names sorted";
          return tally.add("second-key", entry.name, reason);
        }
        end();
        seen.add(key);
        current = { key, files: [] };
      }
      if (current.files.some((file) => file.ending === ending)) return tally.add("second-key", entry.name);
      current.files.push({ ending, offset: entry.offset, length: entry.size });
    },
  };
}

/**
 * Indexes a WebDataset tar in one pass: files that follow each other and share their key are a sample. What is no
 * part of one is counted by reason; of a tar that is cut or damaged, what comes before is indexed.
 * @throws ClipError "bad-data" for what is no tar.
 */
export async function indexTar(source: ByteReader, label: string, facts: ShardFacts): Promise<TarIndex> {
  const tally = createTally();
  const writer = createRecordWriter();
  const grouping = createGrouping(writer, tally);
  const walk = walkTar(source, label);
  let step = await walk.next();
  for (; step.done !== true && writer.samples < mostSamples; step = await walk.next()) grouping.add(step.value);
  grouping.end();
  const fault = step.done === true ? step.value.fault : `it has more than ${mostSamples} samples: split it`;
  if (fault !== undefined) tally.add("cut-short", label, fault);
  return { samples: writer.samples, facts, leftOut: tally.list(), ...writer.parts() };
}
