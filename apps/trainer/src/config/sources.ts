import { dirname, resolve } from "node:path";
import { existsSync, statSync } from "node:fs";
import { ClipError } from "@clip-ts/base";
import {
  folderSource,
  syntheticSource,
  tableSource,
  type MaxSkipped,
  type PairSource,
  type Quoting,
  type TableFormat,
} from "@clip-ts/data";
import { decodeImage, fileAccess } from "@clip-ts/node";
import {
  kindNamed,
  splitName,
  whoBrings,
  type OpeningOptions,
  type SourceDefinition,
  type SourceKind,
  type SourceSettings,
} from "../cli/extension.ts";

const access = { files: fileAccess, decode: decodeImage };

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
interface TableFileOptions extends TableOptions {
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
export type SourceOptions = PairSourceOptions | TensorFileOptions;

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

/** The settings that are given. */
function given<Options extends object>(
  options: Options,
): {
  [Name in keyof Options]: Exclude<Options[Name], undefined>;
} {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as ReturnType<typeof given<Options>>;
}

/** Opens a source of pairs, of which `maxSkipped` may be unusable. */
export async function openSource(
  options: PairSourceOptions,
  seed: number,
  maxSkipped?: MaxSkipped,
): Promise<PairSource> {
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

/** Opens what a word with a colon names. @throws ClipError if the program has no such kind, or a path is meant. */
async function openAdded(
  name: string,
  kinds: readonly SourceKind[],
  options: OpeningOptions,
): Promise<PairSource | undefined> {
  const [kind = "", words = ""] = splitName(name) ?? [];
  const definition = await kindNamed(name, kinds)?.load();
  if (definition?.named !== undefined) return definition.open(definition.named(words), options);
  const remedy = whoBrings(kind);
  if (remedy === undefined || existsSync(name)) return undefined;
  throw new ClipError("not-found", `This program cannot open ${name}. ${remedy}`, {
    data: { name },
  });
}

/** How what the command line names is opened. */
export interface NamedSourceOptions extends TableOptions {
  readonly maxSkipped?: MaxSkipped | undefined;
  /** Kinds that the program adds. */
  readonly kinds?: readonly SourceKind[];
}

/** Opens what a word on the command line names: a folder, a table, or an added kind, as emoji:VENDOR,…. */
export async function openSourceByName(
  name: string,
  { kinds = [], ...options }: NamedSourceOptions = {},
): Promise<PairSource> {
  const { maxSkipped } = options;
  const added = await openAdded(name, kinds, { seed: 0, maxSkipped });
  if (added !== undefined) return added;
  const path = existing(name);
  if (!statSync(path).isDirectory()) return tableSource({ ...access, path, ...given(options) });
  return folderSource({ ...access, directory: path, ...given({ maxSkipped }) });
}
