import { axisLength, embed, linear, patchify } from "@clip-ts/core";
import { add, concat, reshape, slice, tile, type Tensor } from "@tensorflow/tfjs-core";
import type { VitConfig } from "../config.ts";
import { pickRows } from "./patch-dropout.ts";
import { sincosPositions } from "./sincos-positions.ts";
import { patchGrid, type VitParams } from "./spec.ts";

/** Positions of the class token (if any, and none if it stays where it is) and of the patches. */
interface Positions {
  readonly first?: Tensor;
  /** [patches, dim] */
  readonly patches: Tensor;
}

function positionsOf({ embeddings }: VitParams, config: VitConfig): Positions {
  const table = embeddings.position_embedding?.weight;
  if (table === undefined) {
    return { patches: sincosPositions(patchGrid(config), config.width) };
  }
  if (embeddings.class_embedding === undefined) return { patches: table };
  return { first: slice(table, [0, 0], [1, -1]), patches: slice(table, [1, 0], [-1, -1]) };
}

/** The class token with its position, once for each image. → [batch, 1, dim]. */
function classTokens(token: Tensor, position: Tensor | undefined, batch: number): Tensor {
  const row = reshape(token, [1, 1, -1]);
  const placed = position === undefined ? row : add(row, position);
  return tile(placed, [batch, 1, 1]);
}

/**
 * Class token (if there is one) and patches with their positions.
 * pixels [batch, channels, imageSize, imageSize] → [batch, tokens, dim]. Only the patches in `kept`
 * [batch, some] are embedded, if it is given.
 */
export function embedPatches(
  params: VitParams,
  pixels: Tensor,
  config: VitConfig,
  kept?: Tensor,
): Tensor {
  const { class_embedding, patch_embedding } = params.embeddings;
  const { first, patches: positions } = positionsOf(params, config);
  const projection = {
    ...patch_embedding,
    weight: reshape(patch_embedding.weight, [config.width, -1]), // [dim, channels·patch²]
  };
  const all = patchify(pixels, config.patchSize);
  const patches =
    kept === undefined
      ? add(linear(projection, all), positions)
      : add(linear(projection, pickRows(all, kept)), embed({ weight: positions }, kept));
  if (class_embedding === undefined) return patches;
  return concat([classTokens(class_embedding, first, axisLength(pixels, 0)), patches], 1);
}
