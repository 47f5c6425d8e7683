// Answers questions of sweep_configs.py about models, one JSON object a line, so that Node starts once.
//
//   {"do": "forward", "model": PATH, "inputs": FILE, "cut": CUT|null}
//   {"do": "convert", "words": ["MODEL", "OUT", "--to", "hf", ...]}
//   {"do": "preprocess", "words": ["MODEL", "IMAGE", ..., "-o", FILE]}
//   {"do": "ids", "model": PATH, "texts": ["a photo", ...], "rows": true}
//   {"do": "published", "name": "ViT-B-32/openai"}
//   {"do": "rewrite", "model": PATH, "out": PATH, "to": "hf", "cut": CUT, "configFile": PATH|null}
//
// "forward" gives unit features and logits. "convert" and "preprocess" are commands of clip-ts. "ids" gives those of
// every text, with "rows" whole rows, padding included; "published" the config of a name of the list. "rewrite" is the same for towers
// of other sizes than the names stand for that open_clip's file gives them: CUT says what they have, such as
// {"vision": {"layers": 2}}. An error is given as its message and data.

import { createInterface } from "node:readline";
import { toTensor } from "../../packages/core/dist/index.js";
import { forwardDetails } from "../../packages/model/dist/index.js";
import { findModel } from "../../packages/model/dist/published/index.js";
import { startEngine } from "../../packages/engines/dist/index.js";
import { closing, loadModelParams, needTokenizer } from "../../packages/inference/dist/index.js";
import { openModel } from "../../packages/node/dist/index.js";
import { parseArguments } from "../../apps/trainer/dist/cli/parse.js";
import { convertCommand } from "../../apps/trainer/dist/commands/convert/command.js";
import { readInputs } from "../../apps/trainer/dist/commands/forward/run.js";
import { preprocessCommand } from "../../apps/trainer/dist/commands/preprocess.js";
import { weightTargets, writeConverted } from "../../apps/trainer/dist/commands/convert/write.js";

/** Every tensor in a tree. */
function tensorsIn(tree) {
  if (typeof tree !== "object" || tree === null) return [];
  return "dataId" in tree ? [tree] : Object.values(tree).flatMap(tensorsIn);
}

function cutTo(cut, config) {
  const { vision, text } = config;
  return { ...config, vision: { ...vision, ...cut?.vision }, text: { ...text, ...cut?.text } };
}

async function forward({ model, inputs: path, cut }) {
  const stored = await openModel(model);
  const config = cutTo(cut, stored.config);
  const { arrays } = await readInputs(path, config.text.vocabSize);
  const params = await closing({ ...stored, config }, loadModelParams);
  const given = Object.entries(arrays).map(([name, array]) => [name, toTensor(array)]);
  const inputs = Object.fromEntries(given);
  const { imageFeatures, textFeatures, logitsPerImage, ...rest } = forwardDetails(params, inputs, config);
  const shown = { image: imageFeatures, text: textFeatures, logits: logitsPerImage };
  const entries = Object.entries(shown);
  const values = await Promise.all(entries.map(([, tensor]) => tensor.array()));
  for (const tensor of tensorsIn([params, inputs, shown, rest])) tensor.dispose();
  return Object.fromEntries(entries.map(([name], index) => [name, values[index]]));
}

async function convert({ words }) {
  await convertCommand.run(parseArguments(convertCommand, words));
  return {};
}

async function preprocess({ words }) {
  await preprocessCommand.run(parseArguments(preprocessCommand, words));
  return {};
}

async function ids({ model, texts, rows }) {
  const tokenizer = needTokenizer(await openModel(model));
  const { contextLength } = tokenizer;
  const row = (text) => [...tokenizer.encodeBatch([text], { tokens: contextLength }).inputIds];
  return { contextLength, ids: texts.map(rows ? row : (text) => tokenizer.encode(text)) };
}

const published = ({ name }) => ({ config: findModel(name).config });

async function rewrite({ model, out, to, cut, configFile }) {
  const options = configFile == null ? {} : { configFile };
  const stored = await openModel(model, options);
  const config = cutTo(cut, stored.config);
  await closing({ ...stored, config }, (cropped) => writeConverted(out, weightTargets[to], cropped));
  return {};
}

const tasks = { forward, convert, preprocess, ids, published, rewrite };

await startEngine("wasm");
for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  let answer;
  try {
    answer = { ok: true, ...(await tasks[job.do](job)) };
  } catch (error) {
    answer = { ok: false, kind: error.name, message: error.message, data: error.data ?? {} };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
