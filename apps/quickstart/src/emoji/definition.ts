import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { PairSource } from "@clip-ts/data";
import type { SourceDefinition } from "@clip-ts/trainer";
import { z } from "zod";
import { emojiSource, emojiVendors, type EmojiVendor } from "./source.ts";

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

/** Folder of an installed npm package: the project's own copy first, then one beside this package. */
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

/** Emoji drawings of installed npm packages. */
export interface EmojiSettings {
  readonly kind: "emoji";
  readonly vendors: readonly EmojiVendor[];
  /** Languages of the captions. */
  readonly locales: readonly string[];
}

/** Opens drawings of installed packages. @throws ClipError "not-found" that names a missing package. */
export function openEmoji({ vendors, locales }: EmojiSettings): Promise<PairSource> {
  const folders = Object.fromEntries(
    [...vendors, "emojibase" as const].map((name) => [name, packageFolder(emojiPackages[name])]),
  ) as Record<EmojiVendor | "emojibase", string>;
  return emojiSource({ vendors, folders, locales });
}

function vendorNamed(name: string): EmojiVendor {
  const vendor = emojiVendors.find((known) => known === name);
  if (vendor !== undefined) return vendor;
  throw new ClipError("not-found", `There are no emoji by "${name}"; there are those of ${emojiVendors.join(", ")}.`, {
    data: { name },
  });
}

/** What configs and command lines say of emoji drawings. */
export const emojiDefinition: SourceDefinition<EmojiSettings> = {
  schema: z.strictObject({
    kind: z.literal("emoji").describe("emoji drawings from npm packages"),
    vendors: z.array(z.enum(emojiVendors)).min(1),
    locales: z.array(z.string()).min(1).default(["en"]),
  }),
  open: openEmoji,
  named: (words) => ({
    kind: "emoji",
    vendors: words.split(",").map(vendorNamed),
    locales: ["en"],
  }),
};

/** These drawings beside the trainer's own kinds of source, for configs that are read without a program. */
export const emojiSources = { emoji: emojiDefinition };
