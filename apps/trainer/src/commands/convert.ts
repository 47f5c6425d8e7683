import { realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import { describeModel, locateModel, withWeights, writeDescription } from "@clip-ts/node";
import { convertLayout, lazyTensors, streamSafetensors, type Layout } from "@clip-ts/weights";
import type { Command } from "../cli/command.ts";
import { note } from "../cli/output.ts";
import { UsageError } from "../cli/usage-error.ts";
import { graphExports } from "./support/graph-exports.ts";
import { writeOutput } from "./support/tensor-files.ts";

const layouts: Readonly<Record<string, Layout>> = { hf: "huggingface", openai: "openai" };
const planned: ReadonlySet<string> = new Set(["open_clip"]);

function chooseLayout(target: string): Layout {
  const layout = Object.hasOwn(layouts, target) ? layouts[target] : undefined;
  if (layout !== undefined) return layout;
  const all = [...Object.keys(layouts), ...Object.keys(graphExports)];
  const built = `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
  if (planned.has(target)) {
    throw new ClipError(
      "unsupported",
      `Converting to ${target} is not built yet; there are ${built}.`,
    );
  }
  throw new UsageError(`--to ${target}: expected ${built.replace("and", "or")}.`);
}

async function refuseSameFolder(model: string, output: string): Promise<void> {
  const target = await realpath(output).catch(() => resolve(output));
  if ((await realpath(locateModel(model))) !== target) return;
  throw new ClipError("bad-argument", `${output} is the model itself: give another folder.`);
}

/** clip-ts convert */
export const convertCommand: Command = {
  name: "convert",
  words: "MODEL OUT",
  needs: 2,
  summary: "rewrite a model under other names, or as graphs that others run",
  details:
    "OUT becomes a folder with config.json, preprocessor_config.json, the tokenizer's " +
    "files and model.safetensors. Values are copied bit by bit, whatever their type. " +
    "OpenAI names are also what open_clip loads as a state dict. With --to onnx it is a folder " +
    "that @huggingface/transformers loads in Node and browsers; with --to savedmodel one for " +
    "TensorFlow Serving.",
  options: {
    to: {
      type: "string",
      value: "hf|openai|onnx|savedmodel",
      required: true,
      help: "what to write",
    },
    dtype: {
      type: "string",
      value: "LIST",
      help: "which files --to onnx writes: f32,f16,int8 (default all); the first is loaded by default",
    },
  },
  async run({ positionals, text }) {
    const [model = "", output = ""] = positionals;
    const target = text("to") as string;
    if (Object.hasOwn(graphExports, target)) {
      await refuseSameFolder(model, output);
      return graphExports[target]?.(model, output, text("dtype"));
    }
    const layout = chooseLayout(target);
    if (text("dtype") !== undefined) throw new UsageError("--dtype goes with --to onnx only.");
    const description = await describeModel(model);
    await refuseSameFolder(model, output);
    await withWeights(model, async (file) => {
      const renamed = convertLayout(file, layout);
      const isPlain = Object.keys(file.metadata).length === 0;
      const metadata = isPlain ? { format: "pt" } : file.metadata; // transformers asks for it
      const { chunks, byteLength } = streamSafetensors(lazyTensors(renamed), metadata);
      await writeDescription(output, description);
      await writeOutput(join(output, "model.safetensors"), chunks());
      const size = (byteLength / 2 ** 20).toFixed(1);
      note(`wrote ${renamed.names.length} tensors, ${size} MiB, to ${output}`);
    });
  },
};
