import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ClipError, parseJsonFile } from "@clip-ts/base";

/** What emojibase says about one emoji. */
export interface EmojiEntry {
  readonly captions: readonly string[];
  readonly group: string;
}

/** Entries by concept, see `conceptOf`. */
export type EmojiCatalogue = ReadonlyMap<string, EmojiEntry>;

/** The part of emojibase's `data.json` we read. */
interface EmojibaseRecord {
  readonly hexcode: string;
  readonly label: string;
  readonly tags?: readonly string[];
  readonly group?: number;
  readonly skins?: readonly EmojibaseRecord[];
}

/** What one locale adds to an emoji. */
interface LocalEntry {
  readonly concept: string;
  readonly captions: readonly string[];
  readonly group: number;
}

/** Skin and hair swatches: parts of emoji, not emoji. */
const componentGroup = "component";

/** One name for all spellings of an emoji: its code points without the variation selector FE0F. */
export function conceptOf(hexcode: string): string {
  return hexcode.toUpperCase().replaceAll("-FE0F", "");
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new ClipError("not-found", `cannot read ${path}: ${cause.message}`, { cause });
  });
  return parseJsonFile(text, path);
}

function isEmojibase(value: unknown): value is readonly EmojibaseRecord[] {
  return (
    Array.isArray(value) &&
    value.every((record: Partial<EmojibaseRecord> | null) => {
      return typeof record?.hexcode === "string" && typeof record.label === "string";
    })
  );
}

/** Names of the groups by their number, the same in every locale. */
async function readGroups(folder: string): Promise<ReadonlyMap<number, string>> {
  const path = join(folder, "en/messages.json");
  const { groups } = (await readJson(path)) as {
    groups?: readonly { readonly order: number; readonly key: string }[];
  };
  if (!Array.isArray(groups)) {
    throw new ClipError("bad-data", `${path}: expected emojibase's "groups", found none`);
  }
  return new Map(groups.map(({ order, key }) => [order, key]));
}

/**
 * The name, in English "a drawing of" it, and the name with each tag. A tag never stands alone: "face"
 * or "flag" fits hundreds of drawings, and as a caption would teach that all but one are wrong.
 */
function captionsOf({ label, tags = [] }: EmojibaseRecord, locale: string): string[] {
  const drawing = locale.startsWith("en") ? [`a drawing of ${label}`] : [];
  return [label, ...drawing, ...tags.map((tag) => `${label}, ${tag}`)];
}

async function readLocale(
  folder: string,
  { locale, skinTones }: { readonly locale: string; readonly skinTones: boolean },
): Promise<LocalEntry[]> {
  const path = join(folder, `${locale}/data.json`);
  const records = await readJson(path);
  if (!isEmojibase(records)) {
    throw new ClipError("bad-data", `${path}: expected emojibase's list of emoji with hexcode and label`);
  }
  return records.flatMap((record) => {
    const { group } = record;
    if (group === undefined) return []; // single letters that flags are spelled with
    return [record, ...(skinTones ? (record.skins ?? []) : [])].map((one) => ({
      concept: conceptOf(one.hexcode),
      captions: captionsOf(one, locale),
      group,
    }));
  });
}

/**
 * Captions and group of every emoji, from an emojibase-data folder: in each locale its name, in
 * English also "a drawing of" it, then its name with each tag. Skin tone variants are left out unless asked for.
 */
export async function readEmojiCatalogue(options: {
  readonly folder: string;
  readonly locales: readonly string[];
  readonly skinTones: boolean;
}): Promise<EmojiCatalogue> {
  const { folder, locales, skinTones } = options;
  const groups = await readGroups(folder);
  const catalogue = new Map<string, EmojiEntry>();
  for (const locale of locales) {
    for (const entry of await readLocale(folder, { locale, skinTones })) {
      const { concept, captions } = entry;
      const group = groups.get(entry.group) ?? "other";
      if (group === componentGroup) continue;
      const known = catalogue.get(concept)?.captions ?? [];
      catalogue.set(concept, { captions: [...new Set([...known, ...captions])], group });
    }
  }
  return catalogue;
}
