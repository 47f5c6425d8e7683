import { join, parse } from "node:path";
import { ClipError } from "@clip-ts/base";
import { pairSource, type PairRecord, type PairSource } from "@clip-ts/data";
import { decodeImage, fileAccess } from "@clip-ts/node";
import { conceptOf, readEmojiCatalogue, type EmojiCatalogue } from "./catalogue.ts";

/** Whose drawings, and of which year where a vendor drew them all anew. */
export const emojiVendors = [
  "google",
  "google-2018",
  "google-2016",
  "twitter",
  "emojione",
  "openmoji",
  "fluent",
] as const;

/** One of `emojiVendors`. */
export type EmojiVendor = (typeof emojiVendors)[number];

/** Options of emojiSource. */
export interface EmojiSourceOptions {
  readonly vendors: readonly EmojiVendor[];
  /**
   * Where the packages lie: `google` is emoji-datasource-google 16 (Noto Emoji), `google-2018` its version
   * 4.1 and `google-2016` its version 3, `twitter` emoji-datasource-twitter (Twemoji), `emojione`
   * emoji-datasource-emojione 3, `openmoji` openmoji (SVG), `fluent` @lobehub/fluent-emoji-3d, `emojibase` emojibase-data.
   */
  readonly folders: Readonly<Partial<Record<EmojiVendor, string>>> & { readonly emojibase: string };
  /** emojibase's languages; ["en"] by default. */
  readonly locales?: readonly string[];
  /** Also the skin tone variants; left out by default. */
  readonly skinTones?: boolean;
}

/** Where a vendor's package keeps its images; each is named by its code points. */
const layouts: Readonly<Record<EmojiVendor, { readonly images: string; readonly extension: string }>> = {
  google: { images: "img/google/64", extension: ".png" },
  "google-2018": { images: "img/google/64", extension: ".png" },
  "google-2016": { images: "img/google/64", extension: ".png" },
  twitter: { images: "img/twitter/64", extension: ".png" },
  emojione: { images: "img/emojione/64", extension: ".png" },
  openmoji: { images: "color/svg", extension: ".svg" },
  fluent: { images: "assets", extension: ".webp" },
};

/** The names in a folder, in any order. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await fileAccess.list(folder)).map(({ name }) => name);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError("not-found", `cannot list the folder ${folder}: ${reason}`, { cause });
  }
}

async function vendorRecords(
  vendor: EmojiVendor,
  catalogue: EmojiCatalogue,
  folders: EmojiSourceOptions["folders"],
): Promise<PairRecord[]> {
  const root = folders[vendor];
  if (root === undefined) {
    throw new ClipError("bad-config", `emoji: expected the folder of the vendor "${vendor}", got none`);
  }
  const { images, extension } = layouts[vendor];
  const folder = join(root, images);
  const records = new Map<string, PairRecord>();
  for (const file of await namesIn(folder)) {
    const { name, ext } = parse(file);
    const concept = conceptOf(name);
    const entry = catalogue.get(concept);
    // Some drawings come twice, once named with and once without the variation selector.
    if (ext.toLowerCase() !== extension || entry === undefined || records.has(concept)) continue;
    const path = join(folder, file);
    const key = `${concept}:${vendor}`;
    records.set(concept, {
      key,
      ...entry,
      concept,
      path,
      loadImage: async () => decodeImage(await fileAccess.read(path), path),
    });
  }
  if (records.size > 0) return [...records.values()];
  throw new ClipError(
    "bad-data",
    `no emoji in ${folder}: expected images such as 1f600${extension}, named by code points`,
  );
}

/**
 * Emoji drawings with emojibase's names and tags as captions. `concept` holds the code points
 * without FE0F, equal for all vendors' drawings of one emoji; `group` is emojibase's.
 */
export async function emojiSource(options: EmojiSourceOptions): Promise<PairSource> {
  const { vendors, folders, locales = ["en"], skinTones = false } = options;
  const catalogue = await readEmojiCatalogue({
    folder: folders.emojibase,
    locales,
    skinTones,
  });
  const perVendor = await Promise.all(vendors.map((vendor) => vendorRecords(vendor, catalogue, folders)));
  return pairSource(`emoji (${vendors.join(", ")})`, perVendor.flat());
}
