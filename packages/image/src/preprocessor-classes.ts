import { ClipError, shown } from "@clip-ts/base";
import type { ChannelStatistics } from "./normalize.ts";
import type { Interpolation } from "./resample-table.ts";
import { clipStatistics, halfStatistics } from "./statistics.ts";

/** What an image processor of transformers does where its file leaves a key out. */
export interface ProcessorClass {
  readonly size: object;
  readonly cropSize?: object;
  readonly doCenterCrop: boolean;
  /** Whether a plain number for `size` means both sides, or the shortest. */
  readonly defaultToSquare: boolean;
  readonly resample: Interpolation;
  readonly statistics: ChannelStatistics;
}

const square = (length: number): object => ({ height: length, width: length });

const clip: ProcessorClass = {
  size: { shortest_edge: 224 },
  cropSize: square(224),
  doCenterCrop: true,
  defaultToSquare: false,
  resample: "bicubic",
  statistics: clipStatistics,
};
const plain = { size: square(224), doCenterCrop: false, defaultToSquare: true } as const;

/** The defaults of transformers 5's classes, by name. */
const processorClasses: ReadonlyMap<string, ProcessorClass> = new Map([
  ["CLIPImageProcessor", clip],
  ["ChineseCLIPImageProcessor", clip],
  ["BitImageProcessor", clip],
  [
    "SiglipImageProcessor",
    { ...plain, defaultToSquare: false, resample: "bicubic", statistics: halfStatistics },
  ],
  ["ViTImageProcessor", { ...plain, resample: "bilinear", statistics: halfStatistics }],
  [
    "BlipImageProcessor",
    { ...plain, size: square(384), resample: "bicubic", statistics: clipStatistics },
  ],
  [
    "DeiTImageProcessor",
    {
      size: square(256),
      cropSize: square(224),
      doCenterCrop: true,
      defaultToSquare: true,
      resample: "bicubic",
      statistics: halfStatistics,
    },
  ],
]);

/**
 * The class of a name; the older ending "FeatureExtractor" and the ones for faster or Pillow's own code are
 * the same class. @throws ClipError "unsupported" for a class that is not among them.
 */
export function processorClass(file: string, key: string, name: string): ProcessorClass {
  const base = name.replace(/FeatureExtractor$/u, "ImageProcessor").replace(/(Fast|Pil)$/u, "");
  const found = processorClasses.get(base);
  if (found !== undefined) return found;
  throw new ClipError(
    "unsupported",
    `${file}: "${key}" should be one of ${[...processorClasses.keys()].join(", ")}, got ` +
      `${shown(name)}, which may prepare images in a way of its own.`,
    { data: { file, key, value: name } },
  );
}
