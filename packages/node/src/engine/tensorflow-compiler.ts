import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { optimize, type Target } from "@clip-ts/jit";
import {
  compileTensorflow,
  type FolderAccess,
  type OwnOperations,
  type Precision,
  tensorflowLoader,
} from "@clip-ts/tensorflow";
import type { Compiler } from "./engine.ts";
import { collectingGarbage } from "./memory.ts";

/** SavedModels are read from folders; these live as long as TensorFlow needs them. */
const folders: FolderAccess = {
  async create(files) {
    const folder = await mkdtemp(join(tmpdir(), "clip-ts-graph-"));
    for (const [name, bytes] of Object.entries(files)) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
    }
    return folder;
  },
  remove: (folder) => rm(folder, { recursive: true, force: true }),
};

/** Traced graphs and trainings as TensorFlow graphs; the backend must be loaded. */
export function tensorflowCompiler({
  precision = "f32",
  ...own
}: OwnOperations & { readonly precision?: Precision | undefined }): Compiler {
  const target: Target = (graph, { lasting = [] } = {}) =>
    compileTensorflow(optimize(graph), { folders, precision, lasting, ...own });
  return {
    target: Object.assign(target, { prefersOpenSizes: true }),
    load: collectingGarbage(tensorflowLoader({ folders, precision, ...own })),
  };
}
