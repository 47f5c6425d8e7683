import { ClipError } from "@clip-ts/base";
import { interpolateWeights } from "@clip-ts/optim";
import {
  convertLayout,
  fromFloat32,
  sliceRows,
  toFloat32,
  type HostTensor,
  type TensorFile,
} from "@clip-ts/weights";

function between(a: HostTensor, b: HostTensor, alpha: number): HostTensor {
  const [from, to] = [a, b].map((side) => ({ data: toFloat32(side), shape: side.shape }));
  const { value } = interpolateWeights({ value: from! }, { value: to! }, alpha);
  const dtype = a.dtype === "F16" || a.dtype === "BF16" ? a.dtype : "F32";
  return fromFloat32(value!.data as Float32Array, a.shape, dtype);
}

function checkAlike(a: TensorFile, b: TensorFile): void {
  const other = new Set(b.names);
  const alone = a.names.find((name) => !other.has(name));
  if (alone === undefined && a.names.length === b.names.length) return;
  throw new ClipError(
    "bad-argument",
    `Only models of one architecture can be interpolated: ${alone ?? "a tensor"} is in one of them alone.`,
    { data: { alone } },
  );
}

/**
 * (1 - alpha) · a + alpha · b as a view: each tensor is computed when it is read (WiSE-FT). Under clip-ts's
 * own names, in the number format of `a`. No engine has to run.
 * @throws ClipError "bad-argument" for models of two architectures.
 */
export function interpolatedWeights(a: TensorFile, b: TensorFile, alpha: number): TensorFile {
  const [from, to] = [convertLayout(a, "huggingface"), convertLayout(b, "huggingface")];
  checkAlike(from, to);
  return {
    ...from,
    async read(name, rows) {
      const mixed = between(await from.read(name), await to.read(name), alpha);
      return rows === undefined ? mixed : sliceRows(mixed, rows);
    },
  };
}
