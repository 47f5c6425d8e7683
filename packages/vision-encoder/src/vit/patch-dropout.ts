import { ClipError, shuffled, type RandomStream } from "@clip-ts/base";
import { axisLength, embed } from "@clip-ts/core";
import { add, range, reshape, type Tensor } from "@tensorflow/tfjs-core";
import type { VitConfig } from "../config.ts";
import { patchCount } from "./spec.ts";

/** How many patches a training step keeps of each image; all of them without patch dropout. */
export function keptPatchCount(config: VitConfig): number {
  const { patchDropout = 0 } = config;
  if (!(patchDropout >= 0 && patchDropout < 1)) {
    throw new ClipError(
      "bad-config",
      `patchDropout is a share from 0 up to 1; got ${patchDropout}.`,
      {
        data: { patchDropout },
      },
    );
  }
  return Math.max(1, Math.floor(patchCount(config) * (1 - patchDropout)));
}

/**
 * The patches that one training step keeps, drawn for each image alone (Li et al. 2022, arXiv:2212.00794).
 * → batch · keptPatchCount numbers, image by image, for `VisionOptions.keptPatches`.
 */
export function drawKeptPatches(
  config: VitConfig,
  batch: number,
  random: RandomStream,
): Int32Array {
  const all = Array.from({ length: patchCount(config) }, (_, index) => index);
  const kept = keptPatchCount(config);
  const rows = Array.from({ length: batch }, () => shuffled(all, random).slice(0, kept));
  return Int32Array.from(rows.flat());
}

/** Some rows of each image. x [batch, rows, dim], kept [batch, some] int32 → [batch, some, dim]. */
export function pickRows(x: Tensor, kept: Tensor): Tensor {
  const [batch, rows, dim] = [axisLength(x, 0), axisLength(x, 1), axisLength(x, 2)];
  const starts = reshape(range(0, batch * rows, rows, "int32"), [batch, 1]);
  return embed({ weight: reshape(x, [batch * rows, dim]) }, add(kept, starts));
}
