import { randomStream } from "@clip-ts/base";
import {
  chooseCaption,
  createDistribution,
  createHashes,
  evenPositions,
  findEqual,
  readTexts,
  scriptOf,
  walkSamples,
  type BytesPlace,
  type CaptionChoice,
  type Distribution,
  type Sample,
  type ShardSet,
} from "@clip-ts/data";
import { createRangeReader } from "../decode-pool/read-range.ts";
import { readImageHead, type ImageHead } from "../image-head.ts";
import { usualConcurrency } from "./concurrency.ts";
import { createCounts, shortHash, type Counts } from "./counts.ts";

/** How a set is measured. */
export interface MeasureOptions {
  /** At most so many samples, as far from each other as they can be. */
  readonly most: number;
  /** Number of tokens of a caption, start and end included, as if there was no limit. */
  readonly tokensOf: (caption: string) => number;
  /** A guess at the language of a caption: "en"; "" for none. */
  readonly languageOf: (caption: string) => string;
  /** Names of the texts that are captions; the first usual one by default. */
  readonly captions?: CaptionChoice | undefined;
  readonly concurrency?: number;
  readonly onSample?: (done: number) => void;
}

/** What was measured. */
export interface Measures {
  readonly samples: number;
  readonly measured: number;
  /** Samples without an image, or with one whose head is of no known format. */
  readonly unreadable: number;
  readonly formats: Counts;
  readonly widths: Distribution;
  readonly heights: Distribution;
  /** Of the longer side to the shorter, in hundredths. */
  readonly aspects: Distribution;
  /** Images that are wider than high, higher than wide, and square. */
  readonly shapes: Counts;
  readonly bytes: Distribution;
  readonly characters: Distribution;
  readonly tokens: Distribution;
  readonly scripts: Counts;
  readonly languages: Counts;
  /** Samples that have a text of a name. */
  readonly names: Counts;
  readonly withoutCaption: number;
  /** Captions that an earlier sample has. */
  readonly equalCaptions: number;
}

interface Looked {
  readonly head: ImageHead | undefined;
  readonly bytes: number;
  readonly names: readonly string[];
  readonly caption: string | undefined;
}

/** More names of texts are not told apart. */
const mostNames = 200;

function createMeasures() {
  const distributions = {
    widths: createDistribution(),
    heights: createDistribution(),
    aspects: createDistribution(),
    bytes: createDistribution(),
    characters: createDistribution(),
    tokens: createDistribution(),
  };
  const counts = {
    formats: createCounts(),
    shapes: createCounts(),
    scripts: createCounts(),
    languages: createCounts(),
    names: createCounts(mostNames),
  };
  return { ...distributions, ...counts };
}

type Own = ReturnType<typeof createMeasures>;

function addImage(own: Own, { width, height, format }: ImageHead): void {
  own.formats.add(format);
  own.widths.add(width);
  own.heights.add(height);
  own.aspects.add((100 * Math.max(width, height)) / Math.min(width, height));
  own.shapes.add(width === height ? "square" : width > height ? "wider than high" : "higher than wide");
}

function addCaption(own: Own, caption: string, { tokensOf, languageOf }: MeasureOptions): void {
  own.characters.add(Array.from(caption).length);
  own.tokens.add(tokensOf(caption));
  own.scripts.add(scriptOf(caption));
  own.languages.add(languageOf(caption) || "none");
}

/** Reads heads and texts; a text that cannot be read is none. */
function createLook(captions: CaptionChoice | undefined) {
  const reader = createRangeReader();
  const read = async (place: BytesPlace): Promise<Uint8Array> => ("bytes" in place ? place.bytes : reader.read(place));
  const look = async ({ image, texts }: Sample): Promise<Looked> => {
    const said = await readTexts(texts, read).catch(() => ({}));
    const caption = chooseCaption(said, captions, randomStream(0));
    const bytes = "reason" in image ? undefined : await read(image).catch(() => undefined);
    const head = bytes && readImageHead(bytes);
    return { head, bytes: bytes?.byteLength ?? 0, names: Object.keys(said), caption };
  };
  return { look, close: reader.close };
}

/** Measures images by their heads, without decoding them, and captions, in one pass. Keeps 8 bytes a sample. */
export async function measureSet(set: ShardSet, options: MeasureOptions): Promise<Measures> {
  const samples = set.groups.flatMap(({ shards }) => shards).reduce((sum, shard) => sum + shard.samples, 0);
  const own = createMeasures();
  const hashes = createHashes(Math.min(samples, options.most));
  const { look, close } = createLook(options.captions);
  const { most, concurrency = usualConcurrency() } = options;
  let [measured, unreadable, withoutCaption] = [0, 0, 0];
  try {
    for await (const found of walkSamples(set, look, { positions: evenPositions(samples, most), concurrency })) {
      const { head, bytes, names, caption } = found;
      for (const name of names) own.names.add(name);
      if (head === undefined) unreadable++;
      else addImage(own, head);
      if (bytes > 0) own.bytes.add(bytes);
      if (caption === undefined) withoutCaption++;
      else {
        hashes[measured] = shortHash(caption.trim());
        addCaption(own, caption, options);
      }
      measured++;
      options.onSample?.(measured);
    }
  } finally {
    close();
  }
  const equalCaptions = findEqual(hashes).reduce((sum, earlier) => sum + (earlier > 0 ? 1 : 0), 0);
  return { samples, measured, unreadable, withoutCaption, equalCaptions, ...own };
}
