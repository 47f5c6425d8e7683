import { ClipError } from "@clip-ts/base";
import type { ClipConfig } from "@clip-ts/model";
import { visionTower } from "@clip-ts/vision-encoder";
import {
  convertLayout,
  fromFloat32,
  sliceRows,
  toFloat32,
  type TensorFile,
} from "@clip-ts/weights";

/** Rounding of sines and cosines in 32 bits, or of a table in half precision. */
const tolerance = 1e-3;

/**
 * Holds the table of positions that open_clip stores beside fixed ones (`pos_embed_type: sin_cos_2d`)
 * against the sines and cosines that are computed here. A file without a table passes.
 * @throws ClipError "bad-weights" if they are others.
 */
export async function checkStoredPositions(
  { vision }: ClipConfig,
  original: TensorFile,
): Promise<void> {
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
    describe: (name) =>
      name === table ? { ...tensor, byteLength: tensor.bytes.byteLength } : file.describe(name),
    read(name, rows) {
      if (name !== table) return file.read(name, rows);
      return Promise.resolve(rows === undefined ? tensor : sliceRows(tensor, rows));
    },
  };
}
