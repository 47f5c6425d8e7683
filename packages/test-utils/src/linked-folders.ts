import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { goldenJson } from "./golden.ts";

/** A tree of files and links, and what Python finds in it. Written by tools/peers/check_listing.py. */
interface Listing {
  readonly files: readonly string[];
  /** Beside the tree. */
  readonly elsewhere: readonly string[];
  /** Where links stand, and what they lead to. */
  readonly links: Readonly<Record<string, string>>;
  readonly walk: readonly string[];
  readonly classes: readonly string[];
  readonly samples: readonly (readonly [path: string, label: number])[];
}

/** A folder with links, and what os.walk and torchvision's ImageFolder find below it. */
export interface LinkedFolders extends Pick<Listing, "walk" | "classes" | "samples"> {
  readonly root: string;
}

/** Makes class folders, some of them links, below `base`; every file holds the same bytes. */
export function writeLinkedFolders(base: string, content: Uint8Array): LinkedFolders {
  const { files, elsewhere, links, ...found } = goldenJson("listing/listing.json") as Listing;
  const root = join(base, "data");
  const paths = [
    ...files.map((name) => join(root, name)),
    ...elsewhere.map((name) => join(base, name)),
  ];
  for (const path of paths) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  for (const [name, target] of Object.entries(links)) {
    const path = join(root, name);
    const place = join(target.startsWith("elsewhere") ? base : root, target);
    symlinkSync(relative(dirname(path), place), path);
  }
  return { root, ...found };
}
