import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enableProdMode, getBackend, setBackend } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { gemmOf, libraryName, type LibraryExports } from "@clip-ts/native";
import type { OwnOperations } from "./graph-builder.ts";
import type { FolderAccess } from "./session.ts";

/** The file system, for SavedModels. */
export const folders: FolderAccess = {
  async create(files) {
    const folder = await mkdtemp(join(tmpdir(), "clip-ts-saved-model-"));
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
    return folder;
  },
  remove: (folder) => rm(folder, { recursive: true }),
};

/** The addon's folder of tfjs-node, which is loaded: it registers tfjs's backend "tensorflow". */
function loadTensorflow(): string | undefined {
  const require = createRequire(new URL("../../engines/package.json", import.meta.url));
  const given = process.env["CLIP_TS_TFJS_NODE"];
  try {
    const folder = given ?? join(require.resolve("@tensorflow/tfjs-node/package.json"), "..");
    const addons = join(folder, "lib/napi-v8");
    if (!existsSync(join(addons, "tfjs_binding.node"))) return undefined;
    process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
    const current = getBackend();
    require(folder);
    void setBackend(current);
    enableProdMode();
    return addons;
  } catch {
    return undefined;
  }
}

/** Adds clip-ts's own operations to TensorFlow, if the setup made them as they are now. */
function loadOwnOperations(addons: string): OwnOperations {
  const [beginning] = libraryName("|").split("|") as [string];
  const name = readdirSync(addons).find((file) => file.startsWith(beginning));
  if (name === undefined) return {};
  const library: { readonly exports: LibraryExports } = { exports: {} };
  process.dlopen(library, join(addons, name));
  return { hasOwnOperations: true, hasOwnGemm: gemmOf(library.exports) === "own" };
}

const addons = loadTensorflow();

/** Whether graphs can run on TensorFlow here. */
export const hasTensorflow: boolean = addons !== undefined;

const own = addons === undefined ? {} : loadOwnOperations(addons);

/** Whether TensorFlow has clip-ts's own operations here. */
export const hasOwnOperations: boolean = own.hasOwnOperations === true;

/** Whether its GEMM runs on this processor too. */
export const hasOwnGemm: boolean = own.hasOwnGemm === true;
if (!hasOwnOperations) console.warn("Skipped: clip-ts's own operations, which are not set up here.");
if (!hasTensorflow) {
  console.warn("Skipped: running graphs on TensorFlow, as tfjs-node has no native part here.");
}

test("a folder holds the files it was made for, until it is removed", async () => {
  const folder = await folders.create({ "a.pb": Uint8Array.of(1, 2) });
  expect(existsSync(join(folder, "a.pb"))).toBe(true);
  await folders.remove(folder);
  expect(existsSync(folder)).toBe(false);
});
