import { ClipError } from "@clip-ts/base";
import { checkPreprocess, clipPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import type { Interpolation } from "./resample-table.ts";

/** Pillow's numbers for the kernels. */
const resampleCodes: Record<Interpolation, number> = { bilinear: 2, bicubic: 3 };

type Json = Readonly<Record<string, unknown>>;

/**
 * The values of a Hugging Face `preprocessor_config.json` that makes transformers and
 * transformers.js do the same. What they have no words for stands under "clip_ts".
 */
export function formatPreprocessorConfig(config: PreprocessConfig): object {
  checkPreprocess(config);
  const { size, alpha, convertRgb } = config;
  const isSquash = config.resize === "squash";
  const own = {
    ...(alpha === "drop" ? {} : { alpha }),
    ...(convertRgb === "before-resize" ? {} : { convert_rgb: convertRgb }),
  };
  return {
    image_processor_type: isSquash ? "SiglipImageProcessor" : "CLIPImageProcessor",
    do_resize: true,
    size: isSquash ? { height: size, width: size } : { shortest_edge: size },
    resample: resampleCodes[config.interpolation],
    do_center_crop: !isSquash,
    ...(isSquash ? {} : { crop_size: { height: size, width: size } }),
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [...config.mean],
    image_std: [...config.std],
    do_convert_rgb: true,
    ...(Object.keys(own).length === 0 ? {} : { clip_ts: own }),
  };
}

/**
 * Reads a `preprocessor_config.json`, also the older forms with plain numbers for sizes. Throws
 * "bad-config" for values that make no sense and "unsupported" for steps this package lacks.
 */
export function parsePreprocessorConfig(json: unknown): PreprocessConfig {
  const file = asObject("preprocessor_config.json", json);
  for (const flag of ["do_resize", "do_rescale"]) checkNotOff(file, flag);
  checkRescale(file["rescale_factor"]);
  const own = asObject("clip_ts", file["clip_ts"] ?? {});
  const { size, resize } = parseSize(file);
  if (resize === "shortest") checkNotOff(file, "do_center_crop");
  if (file["do_center_crop"] !== false) checkCropSize(file["crop_size"] ?? size, size);
  return checkPreprocess({
    size,
    resize,
    interpolation: parseResample(file["resample"] ?? resampleCodes.bicubic),
    convertRgb: parseConvertRgb(own["convert_rgb"] ?? "before-resize"),
    alpha: own["alpha"] === undefined ? "drop" : parseTriple("clip_ts.alpha", own),
    ...parseStatistics(file),
  });
}

function parseSize(file: Json): Pick<PreprocessConfig, "size" | "resize"> {
  const value = file["size"] ?? 224;
  if (typeof value === "number") {
    const type = `${String(file["image_processor_type"])} ${String(file["feature_extractor_type"])}`;
    return { size: value, resize: type.includes("Siglip") ? "squash" : "shortest" };
  }
  const { shortest_edge: shortest, height, width } = asObject("size", value);
  if (typeof shortest === "number") return { size: shortest, resize: "shortest" };
  return { size: parseSquare("size", height, width), resize: "squash" };
}

function checkCropSize(value: unknown, size: number): void {
  const { height, width } =
    typeof value === "number" ? { height: value, width: value } : asObject("crop_size", value);
  const cropSize = parseSquare("crop_size", height, width);
  if (cropSize === size) return;
  throw new ClipError(
    "unsupported",
    `crop_size must equal size, got ${cropSize} and ${size}; use resize and centerCrop instead`,
    { data: { size, cropSize } },
  );
}

function parseSquare(name: string, height: unknown, width: unknown): number {
  if (typeof height === "number" && height === width) return height;
  throw new ClipError(
    "unsupported",
    `${name} must be a number, { shortest_edge } or { height, width } of one length, ` +
      `got height ${String(height)} and width ${String(width)}`,
    { data: { name, height, width } },
  );
}

function parseResample(code: unknown): Interpolation {
  if (code === resampleCodes.bicubic) return "bicubic";
  if (code === resampleCodes.bilinear) return "bilinear";
  throw new ClipError(
    "unsupported",
    `resample must be 2 (bilinear) or 3 (bicubic), got ${JSON.stringify(code)}`,
    { data: { resample: code } },
  );
}

function parseConvertRgb(value: unknown): PreprocessConfig["convertRgb"] {
  if (value === "before-resize" || value === "after-resize") return value;
  throw new ClipError(
    "bad-config",
    `clip_ts.convert_rgb must be "before-resize" or "after-resize", got ${JSON.stringify(value)}`,
    { data: { value } },
  );
}

function parseStatistics(file: Json): Pick<PreprocessConfig, "mean" | "std"> {
  if (file["do_normalize"] === false) return { mean: [0, 0, 0], std: [1, 1, 1] };
  const { mean, std } = clipPreprocess(1);
  return {
    mean: file["image_mean"] === undefined ? mean : parseTriple("image_mean", file),
    std: file["image_std"] === undefined ? std : parseTriple("image_std", file),
  };
}

/** `name` may be a path; its last part is the key. */
function parseTriple(name: string, parent: Json): readonly [number, number, number] {
  const value = parent[name.slice(name.lastIndexOf(".") + 1)];
  const isTriple =
    Array.isArray(value) && value.length === 3 && value.every((item) => typeof item === "number");
  if (isTriple) return value as unknown as readonly [number, number, number];
  throw new ClipError("bad-config", `${name} must be three numbers, got ${JSON.stringify(value)}`, {
    data: { name, value },
  });
}

function checkNotOff(file: Json, flag: string): void {
  if (file[flag] !== false) return;
  throw new ClipError(
    "unsupported",
    `${flag} is false, but images of any size and bytes from 0 to 255 need this step; ` +
      "set it to true",
    { data: { flag } },
  );
}

function checkRescale(factor: unknown): void {
  if (factor === undefined) return;
  if (typeof factor === "number" && Math.abs(factor * 255 - 1) < 1e-6) return;
  throw new ClipError(
    "unsupported",
    `rescale_factor must be 1/255, got ${JSON.stringify(factor)}`,
    {
      data: { rescaleFactor: factor },
    },
  );
}

function asObject(name: string, value: unknown): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new ClipError("bad-config", `${name} must be an object, got ${JSON.stringify(value)}`, {
    data: { name, value },
  });
}
