import { ClipError, isClipError } from "@clip-ts/base";
import { readExactly, type ByteSource } from "../byte-source.ts";
import { byteLengthOf, noSuchTensor, type TensorFile } from "../tensor-file.ts";
import { openZip, type ZipArchive } from "../zip/zip.ts";
import { allowedGlobal, type PickleGlobal } from "./allowed-globals.ts";
import {
  checkStoredTensor,
  collectTensors,
  readStoredTensor,
  StorageReference,
  type StoredTensor,
} from "./stored-tensor.ts";
import { unpickle } from "./pickle.ts";

/** The pickle of the largest CLIP with its optimizer takes half a megabyte. */
const longestPickle = 8 * 2 ** 20;

function bad(label: string, message: string, cause?: unknown): ClipError {
  return new ClipError("bad-weights", `${label}: ${message}`, { data: { label }, cause });
}

/** TorchScript archives carry code beside their values. */
function isScript(archive: ZipArchive, root: string): boolean {
  return archive.entries.has(`${root}constants.pkl`);
}

/** The folder inside the archive, such as `archive/`, that holds `data.pkl`. */
function rootOf(archive: ZipArchive): string {
  const pickle = [...archive.entries.keys()].find((name) => /^([^/]*\/)?data\.pkl$/.test(name));
  if (pickle !== undefined) return pickle.slice(0, -"data.pkl".length);
  throw bad(archive.label, "a ZIP archive, but not PyTorch's: it has no data.pkl.");
}

async function readEntry(archive: ZipArchive, name: string, longest: number): Promise<Uint8Array> {
  const source = await archive.open(name);
  if (source.size > longest) {
    throw bad(archive.label, `${name} has ${source.size} bytes; at most ${longest} are read.`);
  }
  return readExactly(source, { offset: 0, length: source.size }, `${archive.label}: ${name}`);
}

/** `("storage", class, key, device, count)` names a storage. */
function toStorage(id: unknown): StorageReference {
  const [kind, storageClass, key, , count] = Array.isArray(id) ? (id as unknown[]) : [];
  const dtype = (storageClass as PickleGlobal | undefined)?.dtype;
  const isValid =
    kind === "storage" &&
    dtype !== undefined &&
    typeof key === "string" &&
    Number.isSafeInteger(count) &&
    (count as number) >= 0;
  if (isValid) return new StorageReference(dtype, key, count as number);
  throw new ClipError("bad-weights", "a storage is described in an unknown way.");
}

async function readTensors(archive: ZipArchive, root: string): Promise<Map<string, StoredTensor>> {
  const { label } = archive;
  const bytes = await readEntry(archive, `${root}data.pkl`, longestPickle);
  try {
    const value = unpickle(bytes, {
      global: (module, name) => allowedGlobal(module, name, label),
      persistent: toStorage,
    });
    return collectTensors(value, label);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw isClipError(cause) && reason.startsWith(label) ? cause : bad(label, reason, cause);
  }
}

async function checkByteOrder(archive: ZipArchive, root: string): Promise<void> {
  const name = `${root}byteorder`;
  if (!archive.entries.has(name)) return;
  const order = new TextDecoder().decode(await readEntry(archive, name, 64));
  if (order.trim() !== "little") throw bad(archive.label, `its byte order is ${order}, not little.`);
}

/**
 * Opens a PyTorch file (`.pt`, `.pth`, `.bin`; TorchScript archives too) without running anything in it:
 * the pickle is read as data by a list of allowed names, and tensors are views of the archive that
 * are read one at a time.
 * @throws ClipError "bad-weights" naming what is damaged, or the global that could run code.
 */
export async function openPytorch(source: ByteSource, label = "PyTorch file"): Promise<TensorFile> {
  const archive = await openZip(source, label);
  const root = rootOf(archive);
  await checkByteOrder(archive, root);
  const tensors = await readTensors(archive, root);
  const entryOf = ({ storage }: StoredTensor): string => `${root}data/${storage.key}`;
  for (const [name, tensor] of tensors) {
    const stored = archive.entries.get(entryOf(tensor));
    if (stored === undefined) throw bad(label, `${name} lies in ${entryOf(tensor)}, which is missing.`);
    checkStoredTensor(`${label}: ${name}`, tensor, stored.size);
  }
  const find = (name: string): StoredTensor => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw noSuchTensor(label, name);
    return tensor;
  };
  return {
    label,
    metadata: { format: isScript(archive, root) ? "torchscript" : "pt" },
    names: [...tensors.keys()],
    describe(name) {
      const { shape, storage } = find(name);
      const info = { dtype: storage.dtype, shape };
      return { ...info, byteLength: byteLengthOf(info) };
    },
    async read(name, rows) {
      const tensor = find(name);
      const storage = await archive.open(entryOf(tensor));
      return readStoredTensor(storage, tensor, { rows, label: `${label}: ${name}` });
    },
  };
}
