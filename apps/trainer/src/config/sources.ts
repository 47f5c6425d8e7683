import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { existsSync, statSync } from "node:fs";
import { ClipError } from "@clip-ts/base";
import {
  emojiSource,
  emojiVendors,
  folderSource,
  syntheticSource,
  tableSource,
  type EmojiVendor,
  type MaxSkipped,
  type PairSource,
  type Quoting,
  type TableFormat,
} from "@clip-ts/data";
import { decodeImage, fileAccess } from "@clip-ts/node";

const access = { files: fileAccess, decode: decodeImage };

const emojiPackages: Readonly<Record<EmojiVendor | "emojibase", string>> = {
  google: "emoji-datasource-google",
  "google-2018": "emoji-datasource-google-2018",
  "google-2016": "emoji-datasource-google-2016",
  twitter: "emoji-datasource-twitter",
  emojione: "emoji-datasource-emojione",
  openmoji: "openmoji",
  fluent: "@lobehub/fluent-emoji-3d",
  emojibase: "emojibase-data",
};

/** What npm calls those packages that have no name of their own: earlier versions of another. */
const olderVersions: Readonly<Record<string, string>> = {
  "emoji-datasource-google-2018": "npm:emoji-datasource-google@4.1.0",
  "emoji-datasource-google-2016": "npm:emoji-datasource-google@3.0.0",
};

/** Folder of an installed npm package: the project's own copy first, then one beside clip-ts. */
function packageFolder(name: string): string {
  for (const start of [join(process.cwd(), "package.json"), import.meta.url]) {
    const paths = createRequire(start).resolve.paths(name) ?? [];
    const found = paths.map((folder) => join(folder, name)).find((folder) => existsSync(folder));
    if (found !== undefined) return found;
  }
  const version = olderVersions[name];
  const asked = version === undefined ? name : `${name}@${version}`;
  throw new ClipError(
    "not-found",
    `The emoji data need the npm package ${name}, which is not installed. Install it: npm install ${asked}`,
    { data: { name } },
  );
}

function emoji(vendors: readonly EmojiVendor[], locales: readonly string[]): Promise<PairSource> {
  const folders = Object.fromEntries(
    [...vendors, "emojibase" as const].map((name) => [name, packageFolder(emojiPackages[name])]),
  ) as Record<EmojiVendor | "emojibase", string>;
  return emojiSource({ ...access, vendors, folders, locales });
}

function existing(path: string): string {
  const full = resolve(path);
  if (existsSync(full)) return full;
  throw new ClipError(
    "not-found",
    `The dataset ${path} does not exist (looked in ${dirname(full)}).`,
    {
      data: { path },
    },
  );
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

/** Emoji drawings of installed npm packages. */
export interface EmojiOptions {
  readonly kind: "emoji";
  readonly vendors: readonly EmojiVendor[];
  /** Languages of the captions. */
  readonly locales: readonly string[];
}

/** Drawn shapes with exact captions. */
interface SyntheticOptions {
  readonly kind: "synthetic";
  readonly count: number;
}

/** Where pairs come from. */
export type PairSourceOptions = FolderOptions | TableFileOptions | EmojiOptions | SyntheticOptions;

/** A safetensors file of ready-made batches, which have no captions. */
export interface TensorFileOptions {
  readonly kind: "tensors";
  readonly path: string;
}

/** Where pairs, or batches of them, come from. */
export type SourceOptions = PairSourceOptions | TensorFileOptions;

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
    case "emoji":
      return emoji(options.vendors, options.locales);
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

function vendorNamed(name: string): EmojiVendor {
  const vendor = emojiVendors.find((known) => known === name);
  if (vendor !== undefined) return vendor;
  throw new ClipError(
    "not-found",
    `There are no emoji by "${name}"; there are those of ${emojiVendors.join(", ")}.`,
    { data: { name } },
  );
}

/** Whether a name on the command line is that of a table. */
function isTable(name: string): boolean {
  return !name.startsWith("emoji:") && !statSync(existing(name)).isDirectory();
}

/** Opens what a path on the command line names: a folder, a table, or emoji:VENDOR,…. */
export function openSourceByName(
  name: string,
  options: TableOptions & { readonly maxSkipped?: MaxSkipped | undefined } = {},
): Promise<PairSource> {
  if (name.startsWith("emoji:")) {
    return emoji(name.slice("emoji:".length).split(",").map(vendorNamed), ["en"]);
  }
  const path = existing(name);
  if (isTable(name)) return tableSource({ ...access, path, ...given(options) });
  const { maxSkipped } = options;
  return folderSource({ ...access, directory: path, ...given({ maxSkipped }) });
}
