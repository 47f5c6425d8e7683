import {
  graphFolder,
  graphPath,
  graphSettingsKey,
  noGraph,
  weightsDtypes,
  type GraphName,
  type WeightsDtype,
} from "@clip-ts/base";
import type { GraphFile } from "@clip-ts/onnx";
import { readJsonIn, type ModelFiles } from "../model-files.ts";
import type { GraphSettings } from "./graph-settings.ts";

/** The graphs of a model that has them in place of weights, in the form of @huggingface/transformers. */
export interface StoredGraphs {
  /** Reads one; undefined if it is not there as `dtype`. */
  read(name: GraphName, dtype: WeightsDtype): Promise<GraphFile | undefined>;
  /**
   * What is there for a side: its own graph, or the whole model's. As `dtype`, or where that is undefined as the most
   * exact that is there.
   * @throws ClipError "not-found" that names the files which were looked for.
   */
  readSide(side: "text_model" | "vision_model", dtype?: WeightsDtype): Promise<GraphFile>;
  /** What `config.json` says that graphs do not. */
  settings(): Promise<GraphSettings>;
  /** Hears what is assumed where no file says it. */
  readonly onNotice: (line: string) => void;
}

async function readWhole(files: ModelFiles, name: string): Promise<Uint8Array | undefined> {
  const source = await files.open(name);
  if (source === undefined) return undefined;
  try {
    return await source.read(0, source.size);
  } finally {
    await source.close();
  }
}

/** The files of weights beside a graph: NAME.onnx_data, NAME.onnx_data_1 and so on. */
async function readData(files: ModelFiles, path: string): Promise<GraphFile["data"]> {
  const data: { path: string; data: Uint8Array }[] = [];
  for (;;) {
    const name = `${path}_data${data.length === 0 ? "" : `_${data.length}`}`;
    const bytes = await readWhole(files, name);
    if (bytes === undefined) return data;
    data.push({ path: name.slice(graphFolder.length + 1), data: bytes });
  }
}

/** The graphs among a model's files; nothing is looked for before it is asked for. */
export function storedGraphs(files: ModelFiles, onNotice: StoredGraphs["onNotice"]): StoredGraphs {
  const graphs: StoredGraphs = {
    onNotice,
    async read(name, dtype) {
      const path = graphPath(name, dtype);
      const bytes = await readWhole(files, path);
      return bytes && { name: files.pathOf(path), bytes, dtype, data: await readData(files, path) };
    },
    async readSide(side, asked) {
      const dtypes = asked === undefined ? weightsDtypes : [asked];
      for (const dtype of dtypes) {
        const found = (await graphs.read(side, dtype)) ?? (await graphs.read("model", dtype));
        if (found !== undefined) return found;
      }
      const names = dtypes.flatMap((dtype) => [graphPath(side, dtype), graphPath("model", dtype)]);
      return noGraph(files.place, names, asked);
    },
    async settings() {
      const json = (await readJsonIn(files, "config.json")) as { readonly [graphSettingsKey]?: GraphSettings };
      return json[graphSettingsKey] ?? {};
    },
  };
  return graphs;
}
