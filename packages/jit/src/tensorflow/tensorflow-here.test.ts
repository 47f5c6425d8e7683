import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enableProdMode, getBackend, setBackend } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
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

/** Loads tfjs-node, which registers tfjs's backend "tensorflow", if its native part is there. */
function loadTensorflow(): boolean {
  const require = createRequire(new URL("../../../node/package.json", import.meta.url));
  const given = process.env["CLIP_TS_TFJS_NODE"];
  try {
    const folder = given ?? join(require.resolve("@tensorflow/tfjs-node/package.json"), "..");
    if (!existsSync(join(folder, "lib/napi-v8/tfjs_binding.node"))) return false;
    process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
    const current = getBackend();
    require(folder);
    void setBackend(current);
    enableProdMode();
    return true;
  } catch {
    return false;
  }
}

/** Whether graphs can run on TensorFlow here. */
export const hasTensorflow: boolean = loadTensorflow();
if (!hasTensorflow) {
  console.warn("Skipped: running graphs on TensorFlow, as tfjs-node has no native part here.");
}

test("a folder holds the files it was made for, until it is removed", async () => {
  const folder = await folders.create({ "a.pb": Uint8Array.of(1, 2) });
  expect(existsSync(join(folder, "a.pb"))).toBe(true);
  await folders.remove(folder);
  expect(existsSync(folder)).toBe(false);
});
