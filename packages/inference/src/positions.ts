import { ClipError, sameSize, sidesOf, type ImageSize } from "@clip-ts/base";
import type { ClipConfig } from "@clip-ts/model";
import { resizePositions, visionTower, type VisionConfig } from "@clip-ts/vision-encoder";
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

/** Where a vision tower keeps its learned positions. */
export interface PositionTable {
  /** Under clip-ts's own names. */
  readonly name: string;
  /** Places along the sides of an image. */
  readonly grid: ImageSize;
  /** Rows before those of the grid: the class token's, or the mean's in a ResNet. */
  readonly leading: number;
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
  const { path, leading, grid = tower.grid(vision) } = positions;
  return { name: `vision_model.${path}`, grid, leading };
}

/** Interpolates a table of positions; half precision stays half. */
async function resize(table: HostTensor, { fromGrid, toGrid }: GridChange): Promise<HostTensor> {
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

/** A grid of positions and the one it becomes, in places along its sides. */
export interface GridChange {
  readonly fromGrid: ImageSize;
  readonly toGrid: ImageSize;
}

const placesOf = (grid: ImageSize): number => sidesOf(grid).height * sidesOf(grid).width;

/**
 * A view of a file under clip-ts's names, one of whose tables of positions is interpolated when it is
 * read, as open_clip does on loading (bicubic, antialiased; transformers' `interpolate_pos_encoding` has no
 * antialiasing and differs). Reading it needs a running engine.
 */
export function withResizedPositions(file: TensorFile, name: string, { fromGrid, toGrid }: GridChange): TensorFile {
  if (sameSize(fromGrid, toGrid)) return file;
  const added = placesOf(toGrid) - placesOf(fromGrid);
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
      const table = await resize(await file.read(name), { fromGrid, toGrid });
      return rows === undefined ? table : sliceRows(table, rows);
    },
  };
}

/** Rounding of sines and cosines in 32 bits, or of a table in half precision. */
const tolerance = 1e-3;

/**
 * Holds the table of positions that open_clip stores beside fixed ones (`pos_embed_type: sin_cos_2d`)
 * against the sines and cosines that are computed here. A file without a table passes.
 * @throws ClipError "bad-weights" if they are others.
 */
export async function checkStoredPositions({ vision }: ClipConfig, original: TensorFile): Promise<void> {
  const { path, computed } = visionTower(vision).positions(vision) ?? {};
  if (computed === undefined) return;
  const expected = computed();
  const table = `vision_model.${path}`;
  const file = convertLayout(original, "huggingface");
  if (!file.names.includes(table)) return;
  const found = toFloat32(await file.read(table));
  const isSame = expected.values.every((value, index) => {
    return Math.abs(value - (found[index] ?? Infinity)) <= tolerance;
  });
  if (isSame && found.length === expected.values.length) return;
  throw new ClipError(
    "bad-weights",
    `${file.label} holds positions other than the sines and cosines that its config asks for: remove ` +
      '"pos_embed_type" ("positions" in our own file) from the config, and they are read as they are.',
    { data: { label: file.label } },
  );
}

/** The file under clip-ts's own names with the table of fixed positions that open_clip expects in it. */
export function withStoredPositions({ vision }: ClipConfig, original: TensorFile): TensorFile {
  const { path, computed } = visionTower(vision).positions(vision) ?? {};
  const table = `vision_model.${path}`;
  const file = convertLayout(original, "huggingface");
  if (computed === undefined || file.names.includes(table)) return file;
  const fixed = computed();
  const tensor = fromFloat32(fixed.values, fixed.shape);
  return {
    ...file,
    names: [...file.names, table],
    describe: (name) => (name === table ? { ...tensor, byteLength: tensor.bytes.byteLength } : file.describe(name)),
    read(name, rows) {
      if (name !== table) return file.read(name, rows);
      return Promise.resolve(rows === undefined ? tensor : sliceRows(tensor, rows));
    },
  };
}
