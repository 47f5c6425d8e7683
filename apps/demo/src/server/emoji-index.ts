import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Emoji } from "../messages.ts";

/** The part of emojibase's records that is read. */
interface EmojibaseRecord {
  readonly hexcode: string;
  readonly label: string;
  /** Place on an emoji keyboard. */
  readonly order?: number;
  /** Left out for the single letters that flags are spelled with. */
  readonly group?: number;
}

/** emojibase's number of the group of skin and hair swatches, which are parts of emoji. */
const componentGroup = 2;

const require = createRequire(import.meta.url);

/** The held-out drawings: Fluent Emoji 3D, one WebP for each emoji, named by its code points. */
export function emojiFolder(): string {
  return join(dirname(require.resolve("@lobehub/fluent-emoji-3d/package.json")), "assets");
}

/** One name for all spellings of an emoji: its code points without the variation selector FE0F. */
function conceptOf(hexcode: string): string {
  return hexcode.toUpperCase().replaceAll("-FE0F", "");
}

/** Every emoji that has a drawing, with emojibase's English name, in the order of emoji keyboards. */
export async function readEmojiIndex(): Promise<Emoji[]> {
  const text = await readFile(require.resolve("emojibase-data/en/data.json"), "utf8");
  const records = JSON.parse(text) as EmojibaseRecord[];
  const files = new Map<string, string>();
  for (const file of await readdir(emojiFolder())) {
    files.set(conceptOf(file.slice(0, file.lastIndexOf("."))), file);
  }
  return records
    .filter(({ group }) => group !== undefined && group !== componentGroup)
    .toSorted((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .flatMap(({ hexcode, label }) => {
      const file = files.get(conceptOf(hexcode));
      return file === undefined ? [] : [{ file, label }];
    });
}
