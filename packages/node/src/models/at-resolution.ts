import { ClipError } from "@clip-ts/base";
import type { ClipConfig } from "@clip-ts/model";
import { isResNet, resizePositions } from "@clip-ts/vision-encoder";
import {
  convertLayout,
  fromFloat32,
  sliceRows,
  toFloat32,
  type FloatDtype,
  type HostTensor,
  type TensorFile,
} from "@clip-ts/weights";
import { tensor2d } from "@tensorflow/tfjs-core";
import type { ModelFacts } from "./read-description.ts";

/** A model at another resolution: what describes it, and its weights as a view. */
export interface ResizedModel {
  readonly facts: ModelFacts;
  readonly file: TensorFile;
}

interface Positions {
  readonly name: string;
  /** Pixels of a side that one position stands for. */
  readonly stride: number;
}

/** Pixels of a side that one place of a ResNet's last feature map stands for. */
const resnetStride = 32;

function positionsOf({ vision }: ClipConfig): Positions {
  if (isResNet(vision)) {
    return { name: "vision_model.attnpool.positional_embedding", stride: resnetStride };
  }
  return { name: "vision_model.embeddings.position_embedding.weight", stride: vision.patchSize };
}

/** Interpolates a table of positions; half precision stays half. */
async function resize(table: HostTensor, fromGrid: number, toGrid: number): Promise<HostTensor> {
  const [rows = 0, width = 0] = table.shape;
  const before = tensor2d(toFloat32(table), [rows, width]);
  const after = resizePositions(before, fromGrid, toGrid);
  const values = await after.data<"float32">();
  const { shape } = after;
  before.dispose();
  after.dispose();
  const dtype = table.dtype === "F64" ? "F32" : table.dtype;
  return fromFloat32(values, shape, dtype as FloatDtype);
}

/**
 * A model for images of `imageSize` pixels a side: its positions are interpolated when they are read, the
 * rest stays. The weights come under clip-ts's own names. Needs a running engine.
 * @throws ClipError "bad-argument" for a size that patches or strides do not divide.
 */
export function atResolution(facts: ModelFacts, file: TensorFile, imageSize: number): ResizedModel {
  const { vision } = facts.config;
  const { name, stride } = positionsOf(facts.config);
  if (imageSize % stride !== 0) {
    throw new ClipError(
      "bad-argument",
      `Images of ${imageSize} pixels do not fit this model: expected a multiple of ${stride}.`,
      { data: { imageSize, stride } },
    );
  }
  const [fromGrid, toGrid] = [vision.imageSize / stride, imageSize / stride];
  const canonical = convertLayout(file, "huggingface");
  const added = toGrid * toGrid - fromGrid * fromGrid;
  const resized: TensorFile = {
    ...canonical,
    describe(asked) {
      const info = canonical.describe(asked);
      const [rows = 0, ...row] = info.shape;
      if (asked !== name) return info;
      const byteLength = (info.byteLength / rows) * (rows + added);
      return { ...info, shape: [rows + added, ...row], byteLength };
    },
    async read(asked, rows) {
      if (asked !== name) return canonical.read(asked, rows);
      const table = await resize(await canonical.read(name), fromGrid, toGrid);
      return rows === undefined ? table : sliceRows(table, rows);
    },
  };
  const config = { ...facts.config, vision: { ...vision, imageSize } };
  return {
    facts: { config, preprocess: { ...facts.preprocess, size: imageSize } },
    file: resized,
  };
}
