// @ts-check
// Every kind of vector index that `pnpm bench search` compares: how it is opened in a folder.
import { folderFiles } from "@clip-ts/files";
import { openFlatIndex } from "@clip-ts/search";

/**
 * Opens what a folder holds, or makes an index there.
 * @typedef {(folder: string, dim: number) => Promise<import("@clip-ts/search").VectorIndex>} OpenStore
 */

/** @type {Readonly<Record<string, OpenStore>>} */
export const vectorStores = {
  "flat f32": async (folder, dim) => openFlatIndex({ dim, fields: {}, dtype: "f32", files: await folderFiles(folder) }),
  "flat int8": async (folder, dim) =>
    openFlatIndex({ dim, fields: {}, dtype: "int8", files: await folderFiles(folder) }),
  lance: async (place, dim) => {
    const { openLanceIndex } = await import("@clip-ts/search/lance");
    return openLanceIndex({ place, dim, fields: {} });
  },
};
