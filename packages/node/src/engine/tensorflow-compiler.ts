import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  compileTensorflow,
  compileTensorflowTraining,
  optimize,
  type FolderAccess,
  type Precision,
} from "@clip-ts/jit";
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

/** Heads are not rounded to bf16: logits multiply what is lost there by up to a hundred. */
const staysExact = (path: string): boolean => path.includes("projection");

/** Traced graphs and trainings as TensorFlow graphs; the backend must be loaded. */
export function tensorflowCompiler(precision: Precision = "f32"): Compiler {
  return {
    target: (graph, { lasting = [] } = {}) =>
      compileTensorflow(optimize(graph), { folders, precision, lasting }),
    compileTraining: (spec) =>
      compileTensorflowTraining(collectingGarbage(spec), { folders, precision, staysExact }),
  };
}
