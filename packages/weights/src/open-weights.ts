import { ClipError } from "@clip-ts/base";
import type { ByteSource } from "./byte-source.ts";
import { openNpz } from "./numpy/open-npz.ts";
import { openSafetensors } from "./open-safetensors.ts";
import { openPytorch } from "./pytorch/open-pytorch.ts";
import type { TensorFile } from "./tensor-file.ts";
import { readDirectory } from "./zip/read-directory.ts";

/** First bytes of the formats that are told apart by them; as lengths of a safetensors header, they are absurd. */
const zipStart: readonly number[] = [0x50, 0x4b, 0x03, 0x04];
const oldPytorchStart: readonly number[] = [0x80, 0x02, 0x8a, 0x0a];

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

/**
 * Opens a file of tensors of any format that clip-ts reads: safetensors, PyTorch's ZIP archives, NumPy's
 * npz. The format is told from the content, not from the name.
 * @throws ClipError "bad-weights", also for PyTorch's format from before version 1.6.
 */
export async function openWeights(source: ByteSource, label: string): Promise<TensorFile> {
  const start = await source.read(0, 4);
  if (startsWith(start, zipStart)) {
    const names = [...(await readDirectory(source, label)).keys()];
    const isNumpy = names.length > 0 && names.every((name) => name.endsWith(".npy"));
    return isNumpy ? openNpz(source, label) : openPytorch(source, label);
  }
  if (startsWith(start, oldPytorchStart)) {
    throw new ClipError(
      "bad-weights",
      `${label} is in PyTorch's format from before version 1.6. Load and save it once with a newer PyTorch, ` +
        "or save it as safetensors.",
      { data: { label } },
    );
  }
  return openSafetensors(source, label);
}
