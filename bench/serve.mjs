// Prints what a server costs: seconds of processor time a picture beside `clip-ts embed` on the same files, and what
// becomes of many connections at once.
//
//     node bench/serve.mjs [cost | load] [--model FOLDER] [--pictures N] [--connections N] [--seconds N] [--engine NAME]
//
// Needs `pnpm build`. Without --model a ViT-S/32 with random weights is written; it costs what a trained one costs.
// Server and client share the machine's cores; figures of processor time are of the server alone.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import autocannon from "autocannon";
import sharp from "sharp";
import { randomStream } from "../packages/base/dist/index.js";
import { clipPreprocess } from "../packages/image/dist/index.js";
import { tokenizerFor } from "../packages/inference/dist/index.js";
import { initClip, preset } from "../packages/model/dist/index.js";
import { writeModel } from "../packages/node/dist/index.js";
import { startEngine } from "../packages/engines/dist/index.js";
import { median } from "./measure/statistics.mjs";

const program = fileURLToPath(new URL("../apps/trainer/bin/clip-ts.js", import.meta.url));
const printCpu = pathToFileURL(fileURLToPath(new URL("measure/print-cpu.mjs", import.meta.url))).href;
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string" },
    pictures: { type: "string", default: "1024" },
    connections: { type: "string", default: "1000" },
    seconds: { type: "string", default: "60" },
    engine: { type: "string", default: "onnx" },
    "per-request": { type: "string", default: "16" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "clip-ts-bench-serve-"));

/** Photograph-like JPEGs of 320 x 240: smooth colours with some noise. */
async function writePictures(path, count) {
  mkdirSync(path);
  const random = randomStream(1, "bench serve");
  for (let number = 0; number < count; number++) {
    const raw = Uint8Array.from({ length: 12 * 9 * 3 }, () => random.integer(256));
    const noise = { type: "gaussian", mean: 0, sigma: 12 };
    const grain = await sharp({ create: { width: 320, height: 240, channels: 3, background: "#000", noise } })
      .png()
      .toBuffer();
    const image = sharp(raw, { raw: { width: 12, height: 9, channels: 3 } }).resize(320, 240, { kernel: "cubic" });
    const composed = image.composite([{ input: grain, blend: "add" }]);
    await composed.jpeg({ quality: 88 }).toFile(join(path, `${String(number).padStart(6, "0")}.jpg`));
  }
}

async function modelFolder() {
  if (options.model !== undefined) return options.model;
  await startEngine("cpu");
  const config = preset("ViT-S-32");
  const description = { config, preprocess: clipPreprocess(config.vision.imageSize), ...tokenizerFor(config) };
  await writeModel(join(folder, "model"), description, initClip(config, 1));
  return join(folder, "model");
}

/** Processor seconds of `clip-ts embed`. */
function embedSeconds(model, pictures, output) {
  const words = [program, "embed", model, pictures, "-o", output, "--engine", options.engine];
  const { stderr, status } = spawnSync(process.execPath, ["--import", printCpu, ...words], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return Number(/cpu-seconds ([\d.]+)/.exec(stderr)[1]);
}

async function startServer(model, ...more) {
  const words = [program, "serve", model, "--port", "0", "--engine", options.engine, ...more];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface(child.stdout)) {
    const url = /^listening at (\S+)/.exec(line)?.[1];
    if (url !== undefined) {
      child.stdout.resume();
      return { url, child };
    }
  }
  throw new Error("the server did not start");
}

/** On a connection of its own: the server may be about to close one that lay idle. */
const metricsOf = async (url) => (await fetch(`${url}/metrics`, { headers: { connection: "close" } })).text();

async function metric(url, name) {
  const text = await metricsOf(url);
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.split(" ")[1],
  );
}

const agent = new Agent({ keepAlive: true, maxSockets: 4 });

function post(url, body) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(`${url}/v1/embeddings`, { method: "POST", agent, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${response.statusCode} ${text}`));
      });
    });
    sent.on("error", reject).end(body);
  });
}

/** Sends all pictures, some in a request and four requests at a time, and gives the rows in order. */
async function sendAll(url, files, perRequest) {
  const rows = new Array(files.length);
  let next = 0;
  const client = async () => {
    while (next < files.length) {
      const start = next;
      next += perRequest;
      const some = files.slice(start, start + perRequest);
      const input = some.map((file) => ({ image: readFileSync(file).toString("base64") }));
      const { data } = await post(url, JSON.stringify({ input, encoding_format: "base64" }));
      for (const { index, embedding } of data) rows[start + index] = embedding;
    }
  };
  await Promise.all([client(), client(), client(), client()]);
  return rows;
}

/** The largest difference between what the server gave and the file that embed wrote. */
function largestDifference(rows, path) {
  const bytes = readFileSync(path);
  let offset = 10 + bytes.readUInt16LE(8);
  let largest = 0;
  for (const row of rows) {
    const values = Buffer.from(row, "base64");
    for (let at = 0; at < values.length; at += 4, offset += 4) {
      largest = Math.max(largest, Math.abs(values.readFloatLE(at) - bytes.readFloatLE(offset)));
    }
  }
  return largest;
}

async function cost(model) {
  const count = Number(options.pictures);
  const few = Math.max(32, Math.floor(count / 8 / 32) * 32);
  const [all, some] = [join(folder, "all"), join(folder, "some")];
  await writePictures(all, count);
  await writePictures(some, few);
  const files = readdirSync(all)
    .toSorted()
    .map((name) => join(all, name));
  const { url, child } = await startServer(model);
  await sendAll(
    url,
    readdirSync(some).map((name) => join(some, name)),
    Number(options["per-request"]),
  ); // warm
  const seconds = { embed: [], serve: [] };
  let rows = [];
  for (let round = 0; round < 3; round++) {
    const before = embedSeconds(model, some, join(folder, "some.npy"));
    const whole = embedSeconds(model, all, join(folder, "all.npy"));
    seconds.embed.push((whole - before) / (count - few)); // without what starting takes
    const start = await metric(url, "process_cpu_seconds_total");
    rows = await sendAll(url, files, Number(options["per-request"]));
    seconds.serve.push(((await metric(url, "process_cpu_seconds_total")) - start) / count);
  }
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  const ms = (values) =>
    `${(1000 * median(values)).toFixed(2)} (${values.map((value) => (1000 * value).toFixed(2)).join(", ")})`;
  console.log(
    `pictures          ${count} JPEGs of 320 x 240, ${options["per-request"]} a request, 4 requests at a time`,
  );
  console.log(`embed             ${ms(seconds.embed)} cpu-ms a picture`);
  console.log(`serve             ${ms(seconds.serve)} cpu-ms a picture`);
  console.log(`serve / embed     ${(median(seconds.serve) / median(seconds.embed)).toFixed(3)}`);
  console.log(
    `largest difference of a value ${largestDifference(rows, join(folder, "all.npy")).toExponential(1)}; exit code ${code}`,
  );
}

const ms = (nanoseconds) => `${(nanoseconds / 1e6).toFixed(0)} ms`;
const percentiles = ({ p50, p99, max }) => `p50 ${p50} ms, p99 ${p99} ms, most ${max} ms`;

async function load(model) {
  const pictures = join(folder, "load");
  await writePictures(pictures, 64);
  const images = readdirSync(pictures).map((name) => readFileSync(join(pictures, name)).toString("base64"));
  const headers = { "content-type": "application/json" };
  const ask = (path, body) => ({ method: "POST", path, headers, body: JSON.stringify(body) });
  // Few for each connection: the client keeps the bytes of all its requests for each, which took it longer than the server.
  const requestsOf = (at) => [
    ask("/v1/embeddings", { input: [`a photo of thing ${at}`, "two dogs at a lake"] }),
    ask("/v1/embeddings", { input: { image: images[at] }, encoding_format: "base64" }),
    ask("/v1/classify", { image: images[at], labels: ["a cat", "a dog", "a house"], top: 1 }),
    { method: "GET", path: "/health" },
  ];
  let clients = 0;
  const { url, child } = await startServer(model);
  const memory = [];
  const timer = setInterval(async () => {
    memory.push((await metric(url, "process_resident_memory_bytes").catch(() => Number.NaN)) / 2 ** 20);
  }, 1000);
  const pauses = monitorEventLoopDelay({ resolution: 20 });
  pauses.enable();
  const result = await autocannon({
    url,
    connections: Number(options.connections),
    duration: Number(options.seconds),
    timeout: 60,
    requests: requestsOf(0),
    setupClient: (client) => client.setRequests(requestsOf(clients++ % images.length)),
  });
  pauses.disable();
  clearInterval(timer);
  const text = await metricsOf(url);
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  const statuses = Object.entries(result.statusCodeStats ?? {}).map(([status, { count }]) => `${status}: ${count}`);
  const seen = memory.filter((value) => Number.isFinite(value));
  const mean = (values) => (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(0);
  const quarter = Math.max(1, Math.floor(seen.length / 4));
  console.log(
    `connections       ${options.connections} for ${options.seconds} s: texts, pictures, classifications, health`,
  );
  console.log(`answers           ${statuses.join(", ")}; errors ${result.errors}, time-outs ${result.timeouts}`);
  console.log(`a second          ${result.requests.average} requests; ${percentiles(result.latency)}`);
  console.log(
    `client            p99 of its own pauses ${ms(pauses.percentile(99))}, longest ${ms(pauses.max)}: part of these times`,
  );
  console.log(
    `memory            ${mean(seen.slice(quarter, 2 * quarter))} MiB in the second quarter, ${mean(seen.slice(-quarter))} in the last, most ${Math.max(...seen).toFixed(0)}`,
  );
  for (const line of text.split("\n").filter((line) => /^clip_ts_(rejected|dropped|pictures|padding)/.test(line)))
    console.log(`                  ${line}`);
  console.log(`exit code         ${code}`);
}

try {
  const model = await modelFolder();
  const [part] = positionals;
  if (part !== "load") await cost(model);
  if (part !== "cost") await load(model);
} finally {
  rmSync(folder, { recursive: true });
}
