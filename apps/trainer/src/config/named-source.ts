import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import { folderSource, tableSource, type MaxSkipped, type PairSource, type TableFormat } from "@clip-ts/data";
import type { ShardSetKind } from "@clip-ts/node";
import { kindNamed, splitName, whoBrings, type OpeningOptions, type SourceKind } from "../cli/extension.ts";
import { given, openPlaces, type RemoteSettings } from "./open-shards.ts";
import { kindOfPaths } from "./shard-kinds.ts";
import { access, listShards, type TableOptions } from "./sources.ts";

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
  /** What it is; told by its name, or what lies in it, if absent. */
  readonly kind?: ShardSetKind | undefined;
  /** Endings or columns of images. */
  readonly image?: readonly string[] | undefined;
  readonly remote?: RemoteSettings | undefined;
}

/** What a name stands for: its kind, as given or told. */
async function kindOfName(name: string, remote: RemoteSettings | undefined): Promise<ShardSetKind> {
  const { store } = openPlaces(remote);
  return kindOfPaths([name], store).finally(() => store.close());
}

const tableFormats: readonly string[] = ["csv", "tsv", "jsonl"] satisfies TableFormat[];

const isTable = (kind: ShardSetKind): kind is TableFormat => tableFormats.includes(kind);

/** @throws ClipError for options of tables where there is none. */
function refuseTableOptions(name: string, { separator, quoting }: TableOptions): void {
  if ((separator ?? quoting) === undefined) return;
  throw new ClipError("bad-argument", `--separator and --quoting are for tables, and ${name} is none.`, {
    data: { name },
  });
}

/** A table or a folder on this machine, which is listed whole. */
async function openWhole(
  name: string,
  kind: ShardSetKind,
  { maxSkipped, image = [], separator, quoting }: NamedSourceOptions,
): Promise<PairSource | undefined> {
  const found = statSync(name, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  const path = resolve(name);
  if (kind === "folder") return folderSource({ ...access, directory: path, ...given({ maxSkipped }) });
  if (!isTable(kind) || found.isDirectory() || image.length > 1) return undefined;
  const columns = given({ imageColumn: image[0], separator, quoting, maxSkipped });
  return tableSource({ ...access, path, format: kind, ...columns });
}

/**
 * Opens what a word on the command line names: a folder of images, a table, shards of any kind (the first pairs), or an
 * added kind, as emoji:VENDOR,….
 */
export async function openSourceByName(
  name: string,
  { kinds = [], ...options }: NamedSourceOptions = {},
): Promise<PairSource> {
  const { maxSkipped, image, separator, quoting, remote } = options;
  const added = await openAdded(name, kinds, { seed: 0, maxSkipped });
  if (added !== undefined) return added;
  const kind = options.kind ?? (await kindOfName(name, remote));
  if (!isTable(kind)) refuseTableOptions(name, options);
  const whole = await openWhole(name, kind, options);
  return whole ?? listShards({ kind, path: name, image, separator, quoting }, remote);
}
