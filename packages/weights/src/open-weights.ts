import { ClipError } from "@clip-ts/base";
import type { ByteSource } from "./byte-source.ts";
import { openNpz } from "./numpy/open-npz.ts";
import { foreignFormat, signLength } from "./foreign-format.ts";
import { longestHeader, openSafetensors } from "./open-safetensors.ts";
import { openPytorch } from "./pytorch/open-pytorch.ts";
import type { TensorFile } from "./tensor-file.ts";
import { readDirectory } from "./zip/read-directory.ts";

/** First bytes of an archive; as the length of a safetensors header, they are absurd. */
const zipStart: readonly number[] = [0x50, 0x4b, 0x03, 0x04];

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

/** Whether a file can begin with this length of a safetensors header. */
function isHeaderLength(start: Uint8Array): boolean {
  if (start.byteLength < 8) return false;
  const claimed = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  return claimed <= BigInt(longestHeader);
}

/**
 * Opens a file of tensors of any format that clip-ts reads: safetensors, PyTorch's ZIP archives, NumPy's
 * npz. The format is told from the content, not from the name.
 * @throws ClipError "bad-weights", which names formats that are not read where they can be told.
 */
export async function openWeights(source: ByteSource, label: string): Promise<TensorFile> {
  const start = await source.read(0, Math.min(signLength, source.size));
  if (startsWith(start, zipStart)) {
    const names = [...(await readDirectory(source, label)).keys()];
    const isNumpy = names.length > 0 && names.every((name) => name.endsWith(".npy"));
    return isNumpy ? openNpz(source, label) : openPytorch(source, label);
  }
  const foreign = isHeaderLength(start) ? undefined : foreignFormat(start, label);
  if (foreign === undefined) return openSafetensors(source, label);
  throw new ClipError("bad-weights", foreign, { data: { label } });
}
