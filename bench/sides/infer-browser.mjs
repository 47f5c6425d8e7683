// @ts-check
// Embedding in a page: a Chromium of its own, served by this process, isolated from other origins or not.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";
import { serve } from "../measure/serve.mjs";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

/** @type {Record<string, string>} */
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

const isolating = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/**
 * Serves the folders, the first that has a file.
 * @param {readonly string[]} folders
 * @param {boolean} isIsolated
 * @returns {Promise<string>} the address
 */
function serveFolders(folders, isIsolated) {
  const server = createServer(({ url = "/" }, response) => {
    const path = normalize(new URL(url, "http://localhost").pathname);
    const name = path === "/" ? "/index.html" : path;
    const file = folders.map((folder) => join(folder, name)).find((each) => existsSync(each));
    const type = types[extname(name)] ?? "application/octet-stream";
    response.writeHead(file === undefined ? 404 : 200, {
      "content-type": type,
      ...(isIsolated ? isolating : {}),
    });
    if (file === undefined) response.end();
    else createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      resolve(`http://127.0.0.1:${port}/`);
    });
  });
}

/** Drivers that draw on the CPU: their times say nothing. */
const software = /swiftshader|llvmpipe|lavapipe/iu;

await serve(async ({ folders, isIsolated, model, engine, threads, count }) => {
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-renderer-backgrounding",
      "--disable-background-timer-throttling",
      ...(engine === "onnx-gpu" ? ["--enable-unsafe-webgpu", "--enable-features=Vulkan"] : ["--disable-gpu"]),
    ],
  });
  const page = await browser.newPage();
  await page.goto(await serveFolders(folders, isIsolated));
  await page.waitForFunction("globalThis.ask");
  /** @param {Record<string, any>} request */
  const ask = (request) => page.evaluate(`ask(${JSON.stringify(request)})`);
  const facts = await ask({ ask: "open", model, engine, threads, count });
  if (software.test(facts.detail)) throw new Error(`there is no real GPU: ${facts.detail}`);
  return {
    facts: { ...facts, version: `Chromium ${browser.version()}` },
    run: ({ part, round }) => ask({ ask: "embed", part, shows: round === 0 }),
    clock: ({ milliseconds }) => milliseconds,
    show: ({ round }, { values }) => (round > 0 ? undefined : values),
  };
});
