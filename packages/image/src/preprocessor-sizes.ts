import { sameSize, shownSize, sizeOf, type ImageSize } from "@clip-ts/base";
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
import type { ProcessorClass } from "./preprocessor-keys.ts";

/** What a file says of sizes. */
export type Sizes = Pick<PreprocessConfig, "size" | "resize" | "resizeTo" | "longestEdge">;

/** A size in words of dictionaries; numbers and pairs are older forms of it. */
function dictionaryOf(section: JsonSection, key: string, usual: object | undefined, isSquare: boolean): object {
  checkNotNull(section, key, "{ shortest_edge } or { height, width }");
  const value = valueOf(section, key) ?? usual;
  if (typeof value === "number") {
    return isSquare ? { height: value, width: value } : { shortest_edge: value };
  }
  if (Array.isArray(value) && value.length === 2) return { height: value[0], width: value[1] };
  return asSection(`${section.name}, ${key}`, value).json;
}

/** The numbers of a dictionary of sizes, and which they are. */
function numbersOf(section: JsonSection, key: string, sizes: object): Readonly<Record<string, number>> & object {
  const known = Object.entries(sizes).filter(([, value]) => value !== null);
  if (known.every(([, value]) => isSide(value))) return Object.fromEntries(known);
  throw refusal(section, key, sideWords, "bad-config");
}

const namesOf = (sizes: object): string => Object.keys(sizes).toSorted().join(" ");

/** Height and width of a dictionary that has both, and nothing else. */
function pairOf(section: JsonSection, key: string, sizes: object): ImageSize | undefined {
  if (namesOf(sizes) !== "height width") return undefined;
  const { height, width } = numbersOf(section, key, sizes);
  return sizeOf({ height: height!, width: width! });
}

/** What pictures are resized to. @throws ClipError naming the key. */
function targetOf(section: JsonSection, usual: ProcessorClass): Sizes {
  const isSquare = flagOf(section, "default_to_square", usual.defaultToSquare);
  const given = dictionaryOf(section, "size", usual.size, isSquare);
  const sizes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  const pair = pairOf(section, "size", sizes);
  if (pair !== undefined) return { size: pair, resize: "squash" };
  const names = namesOf(sizes);
  if (names !== "shortest_edge" && names !== "longest_edge shortest_edge") {
    throw refusal(
      section,
      "size",
      "{ height, width }, or { shortest_edge } with or without longest_edge, which alone no processor resizes by",
    );
  }
  const { shortest_edge: size, longest_edge: longestEdge } = numbersOf(section, "size", sizes);
  return { size: size!, resize: "shortest", ...(longestEdge !== undefined && { longestEdge }) };
}

function cropOf(section: JsonSection, usual: ProcessorClass): ImageSize {
  if ((valueOf(section, "crop_size") ?? usual.cropSize) === undefined) {
    throw refusal(section, "crop_size", "set, since do_center_crop is true");
  }
  const pair = pairOf(section, "crop_size", dictionaryOf(section, "crop_size", usual.cropSize, true));
  if (pair !== undefined) return pair;
  throw refusal(section, "crop_size", "{ height, width } or a number");
}

/** Whatever is cropped, all pictures become of one size; what is not must be squashed to it. */
function fittedTo(section: JsonSection, usual: ProcessorClass): Sizes {
  const isResized = flagOf(section, "do_resize", true);
  const isCropped = flagOf(section, "do_center_crop", usual.doCenterCrop);
  if (!isCropped && !isResized) {
    throw refusal(section, "do_resize", "true, or do_center_crop beside it: models take pictures of one size");
  }
  if (!isResized) return { size: cropOf(section, usual), resize: "none" };
  const target = targetOf(section, usual);
  if (isCropped) {
    const size = cropOf(section, usual);
    return sameSize(size, target.size) ? target : { ...target, size, resizeTo: target.size };
  }
  if (target.resize === "squash") return target;
  throw refusal(
    section,
    valueOf(section, "do_center_crop") === undefined ? "size" : "do_center_crop",
    "such that all pictures become of one size: with do_center_crop, or a size of { height, width }",
  );
}

/** Padding after all else puts zeros beside normalised numbers; where all pictures have one size, it has nothing to do. */
function checkPadding(section: JsonSection, { size }: Sizes): void {
  if (!flagOf(section, "do_pad", false) || valueOf(section, "pad_size") === undefined) return;
  const padded = pairOf(section, "pad_size", dictionaryOf(section, "pad_size", undefined, true));
  if (padded !== undefined && sameSize(padded, size)) return;
  throw refusal(section, "pad_size", `${shownSize(size)} as pictures are after the crop, or "do_pad" false`);
}

/**
 * How large pictures become. @throws ClipError "unsupported" unless all become of one size, "bad-config" for sizes
 * that are none.
 */
export function readSizes(section: JsonSection, usual: ProcessorClass): Sizes {
  const sizes = fittedTo(section, usual);
  checkPadding(section, sizes);
  return sizes;
}
