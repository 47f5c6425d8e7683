import { ClipError } from "@clip-ts/base";
import { conceptOf, type EmojiCatalogue, readEmojiCatalogue } from "./emoji-catalogue.ts";
import {
  extensionOf,
  joinPath,
  listFolder,
  loadImageFile,
  withoutExtension,
  type FileSourceOptions,
} from "./file-access.ts";
import { pairSource, type PairRecord, type PairSource } from "./pair-source.ts";

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
export interface EmojiSourceOptions extends FileSourceOptions {
  readonly vendors: readonly EmojiVendor[];
  /**
   * Where the packages lie: `google` is emoji-datasource-google 16 (Noto Emoji), `google-2018` its version
   * 4.1 and `google-2016` its version 3, `twitter` emoji-datasource-twitter (Twemoji), `emojione`
   * emoji-datasource-emojione 3, `openmoji` openmoji (SVG, which `decode` must read), `fluent` @lobehub/fluent-emoji-3d, `emojibase` emojibase-data.
   */
  readonly folders: Readonly<Partial<Record<EmojiVendor, string>>> & { readonly emojibase: string };
  /** emojibase's languages; ["en"] by default. */
  readonly locales?: readonly string[];
  /** Also the skin tone variants; left out by default. */
  readonly skinTones?: boolean;
}

/** Where a vendor's package keeps its images; each is named by its code points. */
const layouts: Readonly<
  Record<EmojiVendor, { readonly images: string; readonly extension: string }>
> = {
  google: { images: "img/google/64", extension: ".png" },
  "google-2018": { images: "img/google/64", extension: ".png" },
  "google-2016": { images: "img/google/64", extension: ".png" },
  twitter: { images: "img/twitter/64", extension: ".png" },
  emojione: { images: "img/emojione/64", extension: ".png" },
  openmoji: { images: "color/svg", extension: ".svg" },
  fluent: { images: "assets", extension: ".webp" },
};

async function vendorRecords(
  vendor: EmojiVendor,
  catalogue: EmojiCatalogue,
  options: EmojiSourceOptions,
): Promise<PairRecord[]> {
  const root = options.folders[vendor];
  if (root === undefined) {
    throw new ClipError(
      "bad-config",
      `emoji: expected the folder of the vendor "${vendor}", got none`,
    );
  }
  const { images, extension } = layouts[vendor];
  const folder = joinPath(root, images);
  const records = new Map<string, PairRecord>();
  for (const { name } of await listFolder(options.files, folder)) {
    const concept = conceptOf(withoutExtension(name));
    const entry = catalogue.get(concept);
    // Some drawings come twice, once named with and once without the variation selector.
    if (extensionOf(name) !== extension || entry === undefined || records.has(concept)) continue;
    const path = joinPath(folder, name);
    const key = `${concept}:${vendor}`;
    records.set(concept, {
      key,
      ...entry,
      concept,
      path,
      loadImage: () => loadImageFile(options, path),
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
  const { vendors, files, folders, locales = ["en"], skinTones = false } = options;
  const catalogue = await readEmojiCatalogue({
    files,
    folder: folders.emojibase,
    locales,
    skinTones,
  });
  const perVendor = await Promise.all(
    vendors.map((vendor) => vendorRecords(vendor, catalogue, options)),
  );
  return pairSource(`emoji (${vendors.join(", ")})`, perVendor.flat());
}
