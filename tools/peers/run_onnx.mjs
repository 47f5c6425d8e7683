// What an exported folder computes, for check_full_size.py: FOLDER INPUTS.safetensors RUNTIME -> JSON on standard output.
//
// RUNTIME is "onnxruntime" (onnx/model.onnx and the two towers by themselves) or "transformers" (AutoModel of
// @huggingface/transformers). Rows of embeddings come at length 1.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, inputs, runtime] = process.argv.slice(2);
const fromNode = createRequire(new URL("../../packages/node/package.json", import.meta.url));
const load = (name) => import(pathToFileURL(fromNode.resolve(name)).href);

const kinds = { F32: ["float32", Float32Array], I64: ["int64", BigInt64Array] };

/** Tensors of a safetensors file, as `Tensor` makes them. */
function readTensors(path, Tensor) {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const entries = Object.entries(JSON.parse(bytes.toString("utf8", 8, start)));
  return Object.fromEntries(
    entries.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const [type, Values] = kinds[dtype];
        return [
          name,
          new Tensor(type, new Values(new Uint8Array(bytes.subarray(start + from, start + to)).buffer), shape),
        ];
      },
    ),
  );
}

const rowsOf = ({ data, dims: [rows, width] }) =>
  Array.from({ length: rows }, (_, row) => Array.from(data.subarray(row * width, (row + 1) * width)));

const unit = (rows) => rows.map((row) => row.map((value) => value / Math.hypot(...row)));

async function inOnnxRuntime() {
  const { InferenceSession, Tensor } = await load("onnxruntime-node");
  const given = readTensors(inputs, Tensor);
  const run = async (name) => {
    const session = await InferenceSession.create(join(resolve(folder), "onnx", name));
    const outputs = await session.run(Object.fromEntries(session.inputNames.map((input) => [input, given[input]])));
    await session.release();
    return outputs;
  };
  const whole = await run("model.onnx");
  const [text] = Object.values(await run("text_model.onnx"));
  const [image] = Object.values(await run("vision_model.onnx"));
  return {
    image_embeds: rowsOf(whole.image_embeds),
    text_embeds: rowsOf(whole.text_embeds),
    logits_per_image: rowsOf(whole.logits_per_image),
    image_alone: unit(rowsOf(image)),
    text_alone: unit(rowsOf(text)),
  };
}

async function inTransformers() {
  const { AutoModel, Tensor, env } = await load("@huggingface/transformers");
  env.allowRemoteModels = false;
  const model = await AutoModel.from_pretrained(resolve(folder));
  const outputs = await model(readTensors(inputs, Tensor));
  const names = ["image_embeds", "text_embeds", "logits_per_image"];
  const shown = Object.fromEntries(names.map((name) => [name, rowsOf(outputs[name])]));
  await model.dispose();
  return { ...shown, class: model.constructor.name };
}

const answer = runtime === "onnxruntime" ? await inOnnxRuntime() : await inTransformers();
process.stdout.write(JSON.stringify(answer));
