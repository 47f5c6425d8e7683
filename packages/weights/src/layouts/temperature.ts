import type { HostTensor, TensorFile, TensorInfo } from "../tensor-file.ts";
import { fromFloat32, toFloat32, type FloatDtype } from "../values.ts";

/** What ALIGN divides cosines by is, here, the logarithm of the factor on them. */
export const toLogitScale = (temperature: number): number => 0 - Math.log(temperature);

/** The way back. */
export const toTemperature = (logitScale: number): number => Math.exp(-logitScale);

/** A view of a file in which the numbers of one tensor are others; in 64 bits they become 32. */
export function withChangedNumbers(file: TensorFile, name: string, change: (value: number) => number): TensorFile {
  const dtypeOf = ({ dtype }: TensorInfo): FloatDtype => (dtype === "F64" ? "F32" : (dtype as FloatDtype));
  const changed = async (): Promise<HostTensor> => {
    const tensor = await file.read(name);
    return fromFloat32(toFloat32(tensor).map(change), tensor.shape, dtypeOf(tensor));
  };
  return {
    ...file,
    describe(asked) {
      const info = file.describe(asked);
      if (asked !== name || info.dtype !== "F64") return info;
      return { ...info, dtype: "F32", byteLength: info.byteLength / 2 };
    },
    read: (asked, rows) => (asked === name ? changed() : file.read(asked, rows)),
  };
}
