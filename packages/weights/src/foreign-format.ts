/** A format of tensors, or of what is fetched in their place, that is not read here. */
interface ForeignFormat {
  /** First bytes, as text of one character a byte. As the length of a safetensors header they are absurd. */
  readonly start: RegExp;
  readonly is: string;
  /** What to do. */
  readonly remedy: string;
}

/** One line of Python that writes a state dict of PyTorch's as safetensors. */
const rewrite = (label: string): string =>
  `python -c "import torch; from safetensors.torch import save_file; weights = torch.load('${label}', ` +
  `map_location='cpu'); save_file({name: t.contiguous().clone() for name, t in weights.items()}, 'model.safetensors')"`;

const toSafetensors = "Save its weights as safetensors with the library that wrote it.";

const formats: readonly ForeignFormat[] = [
  {
    start: /^\x80\x02\x8a\x0a/u, // the protocol, and the length of the magic number 0x1950a86a20f9469cfc6c
    is: "in PyTorch's format from before version 1.6",
    remedy: "Write it anew:",
  },
  {
    start: /^\x80[\x02-\x05][\s\S]{6}/u,
    is: "a bare Python pickle, which could run any program when it is opened",
    remedy: "If you trust it and it holds a state dict, write it anew:",
  },
  { start: /^\x89HDF\r\n/u, is: "an HDF5 file (Keras)", remedy: toSafetensors },
  {
    start: /^GGUF/u,
    is: "a GGUF file (llama.cpp)",
    remedy: "Use the original model's safetensors.",
  },
  {
    start: /^\x93NUMPY/u,
    is: "a single array of NumPy's (.npy)",
    remedy: "Save all arrays by name as .npz or safetensors.",
  },
  {
    start: /^version https:/u,
    is: "a pointer of Git LFS, not the file that it stands for",
    remedy: "Fetch that with git lfs pull, or give the model as hf:owner/name.",
  },
  {
    start: /^\s*<(!doctype|html)/iu,
    is: "a web page",
    remedy: "Fetch the file from its download address, or give the model as hf:owner/name.",
  },
];

const needRewriting = /^\x80/u;

/** Files of other libraries whose first bytes tell nothing, by their names. */
const byName: readonly (readonly [RegExp, string])[] = [
  [/\.(ckpt|index|data-\d+-of-\d+)$/u, "a checkpoint of TensorFlow's"],
  [/\.(pb|tflite)$/u, "a graph of TensorFlow's"],
  [/\.msgpack$/u, "a msgpack file (Flax)"],
  [/\.onnx$/u, "an ONNX graph"],
];

/** How many first bytes tell the formats apart. */
export const signLength = 16;

/**
 * What a file that is no safetensors is, and what to do: two sentences about `label`, from its first bytes
 * and its name; undefined if nothing tells.
 */
export function foreignFormat(start: Uint8Array, label: string): string | undefined {
  const text = String.fromCharCode(...start.subarray(0, signLength));
  const known = formats.find((format) => format.start.test(text));
  if (known !== undefined) {
    const line = needRewriting.test(text) ? ` ${rewrite(label)}` : "";
    return `${label} is ${known.is}. ${known.remedy}${line}`;
  }
  const named = byName.find(([name]) => name.test(label));
  return named === undefined ? undefined : `${label} looks like ${named[1]}. ${toSafetensors}`;
}
