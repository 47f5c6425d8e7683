import {
  checkPreprocess,
  interpolations,
  isPatches,
  resizeModes,
  type PreprocessConfig,
  type Preprocessing,
} from "@clip-ts/image";
import { ClipError } from "@clip-ts/base";
import { z } from "zod";

const positive = z.int().min(1);
const numbers = z.tuple([z.number(), z.number(), z.number()]);
const sides = z.tuple([positive, positive]);

/** How images become input, where that is not as the model's files say or as is usual for its kind. */
export const preprocessSchema = z.strictObject({
  mean: z.union([z.number(), numbers]).optional().describe("of values from 0 to 1, one or for each channel"),
  std: z.union([z.number(), numbers]).optional().describe("standard deviation of the same"),
  interpolation: z.enum(interpolations).optional().describe("Pillow's filter"),
  resize: z
    .enum(resizeModes)
    .optional()
    .describe("what is made fit: the shortest side, the longest, both whatever the shape, or nothing"),
  resizeTo: z
    .union([positive, sides])
    .optional()
    .describe("pixels, or [height, width], that the resize makes before the middle is cut out"),
  fill: z.int().min(0).max(255).optional().describe("brightness around images that do not fill their square"),
});

/** What a config says of it. */
export type PreprocessChanges = z.infer<typeof preprocessSchema>;

type Triple = PreprocessConfig["mean"];

const tripled = (value: number | readonly number[]): Triple =>
  (typeof value === "number" ? [value, value, value] : value) as Triple;

type FitChanges = Pick<PreprocessChanges, "resize" | "resizeTo" | "fill">;

/** Another fit than before aims at the model's own size. */
function withFit(config: PreprocessConfig, { resize, ...rest }: FitChanges): PreprocessConfig {
  const { resizeTo: _, longestEdge: __, ...unfitted } = config;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { ...(resize === undefined || resize === config.resize ? config : { ...unfitted, resize }), ...given };
}

/** @throws ClipError "bad-config" for a change of the fit of pictures that keep their shape. */
function refuseFit(changes: FitChanges): void {
  const keys = Object.entries(changes).flatMap(([key, value]) => (value === undefined ? [] : [key]));
  if (keys.length === 0) return;
  const named = keys.map((key) => `"model.preprocess.${key}"`).join(", ");
  throw new ClipError(
    "bad-config",
    `Images of this model keep their shape, as rows of patches (NaFlex), and are not made to fit a size: remove ${named}.`,
    { data: { keys } },
  );
}

/**
 * A preprocessing with what a config changes of it; another fit than before aims at the model's own size.
 * @throws ClipError for a deviation that is not above 0, and for another fit of images that become rows of patches.
 */
export function withChanges(config: Preprocessing, changes: PreprocessChanges = {}): Preprocessing {
  const { mean, std, interpolation, ...fit } = changes;
  if (isPatches(config)) refuseFit(fit);
  return checkPreprocess({
    ...(isPatches(config) ? config : withFit(config, fit)),
    ...(interpolation !== undefined && { interpolation }),
    ...(mean !== undefined && { mean: tripled(mean) }),
    ...(std !== undefined && { std: tripled(std) }),
  });
}
