import { shown } from "@clip-ts/base";
import {
  asSection,
  checkNotNull,
  flagOf,
  isSide,
  refusal,
  sideWords,
  valueOf,
  type JsonSection,
} from "./json-section.ts";
import type { PreprocessConfig } from "./preprocess-config.ts";
import type { ProcessorClass } from "./preprocessor-classes.ts";

type Sizes = Pick<PreprocessConfig, "size" | "resize">;

/** A size in words of dictionaries; numbers and pairs are older forms of it. */
function dictionaryOf(section: JsonSection, key: string, usual: object, isSquare: boolean): object {
  checkNotNull(section, key, "{ shortest_edge } or { height, width }");
  const value = valueOf(section, key) ?? usual;
  if (typeof value === "number") {
    return isSquare ? { height: value, width: value } : { shortest_edge: value };
  }
  if (Array.isArray(value) && value.length === 2) return { height: value[0], width: value[1] };
  return asSection(`${section.name}, ${key}`, value).json;
}

/** One length of a dictionary of sizes. @throws ClipError naming the key. */
function lengthOf(section: JsonSection, key: string, sizes: object): Sizes {
  const known = Object.entries(sizes).filter(([, value]) => value !== null);
  const names = known
    .map(([name]) => name)
    .toSorted()
    .join(" ");
  const [[, first] = []] = known;
  const isSquare = names === "height width" && known[0]?.[1] === known[1]?.[1];
  if (!isSquare && names !== "shortest_edge") {
    throw refusal(section, key, "{ shortest_edge } or { height, width } of one length");
  }
  if (!isSide(first)) throw refusal(section, key, sideWords, "bad-config");
  return { size: first, resize: isSquare ? "squash" : "shortest" };
}

/**
 * How large pictures become. @throws ClipError "unsupported" unless the result is a square of the size to
 * which pictures are resized.
 */
export function readSizes(section: JsonSection, usual: ProcessorClass): Sizes {
  const isSquare = flagOf(section, "default_to_square", usual.defaultToSquare);
  const sizes = lengthOf(section, "size", dictionaryOf(section, "size", usual.size, isSquare));
  if (!flagOf(section, "do_center_crop", usual.doCenterCrop)) {
    if (sizes.resize === "squash") return sizes;
    throw refusal(
      section,
      valueOf(section, "do_center_crop") === undefined ? "size" : "do_center_crop",
      `such that pictures become square: with do_center_crop, or a size of { height, width }`,
    );
  }
  const given = valueOf(section, "crop_size") ?? usual.cropSize;
  if (given === undefined) throw refusal(section, "crop_size", "set, since do_center_crop is true");
  const crop = lengthOf(section, "crop_size", dictionaryOf(section, "crop_size", given, true));
  if (crop.resize === "squash" && crop.size === sizes.size) return sizes;
  throw refusal(
    section,
    "crop_size",
    `${sizes.size} pixels high and wide as size is (${shown(given)} counts where it is left out)`,
  );
}
