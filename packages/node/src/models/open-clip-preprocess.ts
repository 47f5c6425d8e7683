import { ClipError } from "@clip-ts/base";
import { clipPreprocess, type PreprocessConfig } from "@clip-ts/image";

type Json = Readonly<Record<string, unknown>>;
type Triple = readonly [number, number, number];

/** Reads a key of one of a few words. */
function choice<Word extends string>(json: Json, key: string, words: readonly Word[]): Word {
  const value = json[key] ?? words[0];
  if (words.includes(value as Word)) return value as Word;
  throw new ClipError(
    "unsupported",
    `preprocess_cfg.${key} should be ${words.join(" or ")}, got ${JSON.stringify(value)}.`,
    { data: { key, value } },
  );
}

function triple(json: Json, key: string, fallback: Triple): Triple {
  const value = json[key] ?? fallback;
  const isTriple =
    Array.isArray(value) && value.length === 3 && value.every((item) => typeof item === "number");
  if (isTriple) return value as unknown as Triple;
  throw new ClipError(
    "bad-config",
    `preprocess_cfg.${key} should be three numbers, got ${JSON.stringify(value)}.`,
    { data: { key, value } },
  );
}

/**
 * Reads the `preprocess_cfg` of an `open_clip_config.json`; what it leaves out is as for OpenAI's models,
 * as open_clip itself takes it.
 * @throws ClipError for steps or values that cannot be done here.
 */
export function parseOpenClipPreprocess(json: unknown, imageSize: number): PreprocessConfig {
  const keys = (json ?? {}) as Json;
  const usual = clipPreprocess(imageSize);
  choice(keys, "mode", ["RGB"]);
  return {
    ...usual,
    resize: choice(keys, "resize_mode", ["shortest", "squash"]),
    interpolation: choice(keys, "interpolation", ["bicubic", "bilinear"]),
    convertRgb: "after-resize",
    mean: triple(keys, "mean", usual.mean),
    std: triple(keys, "std", usual.std),
  };
}

/** The `preprocess_cfg` that makes open_clip do the same with images that have no alpha. */
export function formatOpenClipPreprocess(config: PreprocessConfig): object {
  return {
    mean: [...config.mean],
    std: [...config.std],
    interpolation: config.interpolation,
    resize_mode: config.resize,
  };
}
