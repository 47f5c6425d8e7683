import { existsSync } from "node:fs";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { writeModel } from "@clip-ts/node";
import { tokenizerFor } from "@clip-ts/inference";
import { chromium, type Browser } from "playwright-core";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

/** Whether there is a browser to test in; says so if there is none. */
export function hasChromium(): boolean {
  if (existsSync(executablePath)) return true;
  console.warn(
    `SKIPPED: the demo's browser tests need Chromium, and ${executablePath} does not exist. ` +
      'Install it (Debian: "apt-get install chromium") or set CHROMIUM_PATH.',
  );
  return false;
}

/** Starts a headless Chromium that stays off the network; with WebGPU drawn on the CPU if that is asked for. */
export function launchChromium({ webgpu = false } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      ...(webgpu ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"] : ["--disable-gpu"]),
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Writes a model that has learnt nothing, as the quickstart writes its own; returns the folder. */
export async function writeRandomModel(folder: string): Promise<string> {
  const config = preset("tiny");
  const white = [255, 255, 255] as const;
  const preprocess = { ...clipPreprocess(config.vision.imageSize), alpha: white };
  await writeModel(folder, { config, preprocess, ...tokenizerFor(config) }, initClip(config, 1));
  return folder;
}
