import { dirname, resolve } from "node:path";
import { existsSync } from "node:fs";
import { ClipError } from "@clip-ts/base";
import {
  folderSource,
  joinLeftOut,
  pairsOfShards,
  syntheticSource,
  tableSource,
  type MaxSkipped,
  type PairSource,
  type Quoting,
  type ReadBytes,
  type TableFormat,
} from "@clip-ts/data";
import { createRangeReader, decodeImage, fileAccess } from "@clip-ts/node";
import type { OpeningOptions, SourceDefinition, SourceKind, SourceSettings } from "../cli/extension.ts";
import {
  given,
  isShards,
  openShards,
  type AlwaysShards,
  type NamedShards,
  type RemoteSettings,
} from "./open-shards.ts";

/** How files are read and decoded. */
export const access = { files: fileAccess, decode: decodeImage };

/** The first pairs of shards in a list, as evaluation wants them. They stay open as long as the process lives. */
export async function listShards(source: NamedShards, remote?: RemoteSettings): Promise<PairSource> {
  const reader = createRangeReader();
  const read: ReadBytes = async (place) => ("bytes" in place ? place.bytes : reader.read(place));
  const opened = await openShards(source, remote);
  const pairs = await pairsOfShards(opened, { ...access, read, captions: source.captions });
  return { ...pairs, leftOut: joinLeftOut([pairs.leftOut ?? [], opened.leftOut()]) };
}

function existing(path: string): string {
  const full = resolve(path);
  if (existsSync(full)) return full;
  throw new ClipError("not-found", `The dataset ${path} does not exist (looked in ${dirname(full)}).`, {
    data: { path },
  });
}

/** How a table is written, where it is not as its ending says. */
export interface TableOptions {
  readonly separator?: string | undefined;
  readonly quoting?: Quoting | undefined;
}

/** A folder of images with a .txt caption beside each, or of class folders. */
interface FolderOptions {
  readonly kind: "folder";
  readonly path: string;
  /** Caption of a class folder, {} for its name. */
  readonly template?: string | undefined;
}

/** A table with a row for each pair. */
export interface TableFileOptions extends TableOptions {
  readonly kind: TableFormat;
  readonly path: string;
  /** Names of the columns; the usual ones by default. */
  readonly image?: string | undefined;
  readonly caption?: string | undefined;
}

/** Drawn shapes with exact captions. */
interface SyntheticOptions {
  readonly kind: "synthetic";
  readonly count: number;
}

/** A source of a kind that the program adds. */
export interface AddedSourceOptions {
  readonly kind: "added";
  readonly settings: SourceSettings;
  /** What opens it. */
  readonly open: (options: OpeningOptions) => Promise<PairSource>;
}

/** Where pairs come from. */
export type PairSourceOptions = FolderOptions | TableFileOptions | SyntheticOptions | AddedSourceOptions;

/** A safetensors file of ready-made batches, which have no captions. */
export interface TensorFileOptions {
  readonly kind: "tensors";
  readonly path: string;
}

/** Where pairs, or batches of them, come from. */
export type SourceOptions = PairSourceOptions | AlwaysShards | TensorFileOptions;

/** Those that the trainer knows by itself. */
type BuiltInSource = Exclude<SourceOptions, AddedSourceOptions>;

/** What configs call the kind of a source. */
export const kindOf = (source: SourceOptions): string => (source.kind === "added" ? source.settings.kind : source.kind);

/** Added kinds of source, by their names. */
export type SourceDefinitions = Readonly<Record<string, SourceDefinition>>;

/** Loads the kinds of source that a program adds. */
export async function loadSources(kinds: readonly SourceKind[]): Promise<SourceDefinitions> {
  const loaded = kinds.map(async ({ kind, load }) => [kind, await load()] as const);
  return Object.fromEntries(await Promise.all(loaded));
}

/** The source that a config's settings mean. */
export function sourceOf(settings: BuiltInSource | SourceSettings, added: SourceDefinitions): SourceOptions {
  const definition = added[settings.kind];
  if (definition === undefined) return settings as BuiltInSource;
  return { kind: "added", settings, open: (options) => definition.open(settings, options) };
}

/** Opens a source of pairs, of which `maxSkipped` may be unusable; of shards the first pairs are listed. */
export async function openSource(
  options: PairSourceOptions | AlwaysShards,
  seed: number,
  maxSkipped?: MaxSkipped,
): Promise<PairSource> {
  if (isShards(options)) return listShards(options);
  switch (options.kind) {
    case "added":
      return options.open({ seed, maxSkipped });
    case "folder": {
      const templates = options.template === undefined ? undefined : [options.template];
      const directory = existing(options.path);
      return folderSource({ ...access, directory, ...given({ templates, maxSkipped }) });
    }
    case "synthetic":
      return syntheticSource({ count: options.count, seed });
    case "csv":
    case "tsv":
    case "jsonl":
      return tableSource({
        ...access,
        path: existing(options.path),
        format: options.kind,
        ...given({
          imageColumn: options.image,
          captionColumn: options.caption,
          separator: options.separator,
          quoting: options.quoting,
          maxSkipped,
        }),
      });
  }
}
