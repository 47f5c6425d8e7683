import { resizePositions, visionTower, type VisionConfig } from "@clip-ts/vision-encoder";
import {
  fromFloat32,
  sliceRows,
  toFloat32,
  type FloatDtype,
  type HostTensor,
  type TensorFile,
} from "@clip-ts/weights";
import { tensor2d } from "@tensorflow/tfjs-core";

/** Where a vision tower keeps its learned positions. */
export interface PositionTable {
  /** Under clip-ts's own names. */
  readonly name: string;
  /** Places along a side of an image. */
  readonly grid: number;
  /** Rows before those of the grid: the class token's, or the mean's in a ResNet. */
  readonly leading: 0 | 1;
}

/**
 * The table of a vision tower, which built-in ones have unless their positions are fixed sines and cosines;
 * undefined for a tower that knows no positions.
 * @throws ClipError "bad-config" for an image size that the tower cannot see.
 */
export function positionTableOf(vision: VisionConfig): PositionTable | undefined {
  const tower = visionTower(vision);
  const positions = tower.positions(vision);
  if (positions === undefined) return undefined;
  const { path, leading } = positions;
  return { name: `vision_model.${path}`, grid: tower.grid(vision), leading };
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

/** A grid of positions and the one it becomes, in places a side. */
export interface GridChange {
  readonly fromGrid: number;
  readonly toGrid: number;
}

/**
 * A view of a file under clip-ts's names, one of whose tables of positions is interpolated when it is
 * read, as open_clip does on loading (bicubic, antialiased; transformers' `interpolate_pos_encoding` has no
 * antialiasing and differs). Reading it needs a running engine.
 */
export function withResizedPositions(
  file: TensorFile,
  name: string,
  { fromGrid, toGrid }: GridChange,
): TensorFile {
  if (fromGrid === toGrid) return file;
  const added = toGrid * toGrid - fromGrid * fromGrid;
  return {
    ...file,
    describe(asked) {
      const info = file.describe(asked);
      const [rows = 0, ...row] = info.shape;
      if (asked !== name) return info;
      const byteLength = (info.byteLength / rows) * (rows + added);
      return { ...info, shape: [rows + added, ...row], byteLength };
    },
    async read(asked, rows) {
      if (asked !== name) return file.read(asked, rows);
      const table = await resize(await file.read(name), fromGrid, toGrid);
      return rows === undefined ? table : sliceRows(table, rows);
    },
  };
}
