// npm leaves an optional package out whose installer fails, as ONNX Runtime's does where it cannot download
// CUDA's part. What is left must work and say what is missing. The built packages run with every dependency
// but the optional ones.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "clip-ts-optional-"));
afterAll(() => rmSync(folder, { recursive: true }));

const setting = process.platform === "win32" ? "" : "ONNXRUNTIME_NODE_INSTALL=skip ";
const fix = `${setting}npm install onnxruntime-node@1.30.0`;

/** Copies a package, whose own folder Node would look in otherwise, and links what it depends on. */
function install(source: string): void {
  const manifest = JSON.parse(readFileSync(join(root, source, "package.json"), "utf8"));
  const target = join(folder, "node_modules", manifest.name);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const part of ["package.json", "dist", ...Object.keys(manifest.bin ?? {}).map(() => "bin")]) {
    cpSync(join(root, source, part), join(target, part), { recursive: true });
  }
  for (const name of Object.keys(manifest.dependencies)) {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    rmSync(link, { recursive: true, force: true });
    symlinkSync(join(root, source, "node_modules", name), link, "junction");
  }
}

/** Runs Node there, where it finds what is installed there and no more. */
function node(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, NODE_PATH: "" };
  const options = { cwd: folder, encoding: "utf8", env } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  return { code: status, stdout, stderr };
}

const program = join(folder, "node_modules", "@clip-ts", "trainer", "bin", "clip-ts.js");

beforeAll(() => {
  install("apps/trainer");
  install("packages/picture-index"); // in place of the link to it, and so with those below
  install("packages/search");
  install("packages/node");
  install("packages/engines");
});

test("doctor computes on wasm, and has the line that brings ONNX Runtime back in one piece", () => {
  const { code, stdout, stderr } = node(program, "doctor", "--device", "cpu");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^ {2}engine +wasm /m);
  expect(stdout).toContain("onnxruntime-node is not installed: wasm computes, about ten times slower");
  expect(stdout.split("\n")).toContain(`  ${fix}`);
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});

test("asking for onnx is an error that ends with that line", () => {
  const { code, stderr } = node(program, "doctor", "--engine", "onnx");
  expect(code).not.toBe(0);
  expect(stderr).toBe(
    `clip-ts: The engine "onnx" cannot run here: onnxruntime-node is not installed. To fix it: ${fix}\n`,
  );
});

test("openClip computes on wasm and tells its listener; who asks for wasm hears nothing", () => {
  const script = `
    import { mkdtemp } from "node:fs/promises";
    import { clipPreprocess } from "@clip-ts/image";
    import { initClip, preset } from "@clip-ts/model";
    import { startEngine } from "@clip-ts/engines";
import { tokenizerFor } from "@clip-ts/inference";
import { openClip, writeModel } from "@clip-ts/node";
    const { slowdown } = await startEngine("wasm");
    const config = preset("nano");
    const preprocess = clipPreprocess(config.vision.imageSize);
    await writeModel("model", { config, preprocess, ...tokenizerFor(config) }, initClip(config, 1));
    const notices = [];
    const clip = await openClip("model", { onNotice: (line) => notices.push(line) });
    const { values } = await clip.embedTexts(["a cat"]);
    console.log(JSON.stringify({ slowdown, notices, length: Math.hypot(...values) }));`;
  const { stdout } = node("--input-type=module", "--eval", script);
  const { length, ...said } = JSON.parse(stdout) as { length: number };
  expect(length).toBeCloseTo(1, 5);
  const line = `onnxruntime-node is not installed: wasm computes, about ten times slower. To change that: ${fix}`;
  expect(said).toEqual({ notices: [line] });
});

test("s3:// without its package is an error that ends with the line that brings it", () => {
  const script = `
    import { storeFor } from "@clip-ts/node";
    const store = storeFor({ close() {} }, { cacheFolder: "cache" });
    await store.facts("s3://bucket/00000.tar").catch(({ code, message }) => console.log(code, message));
  `;
  const { code, stdout } = node("--input-type=module", "--eval", script);
  const message = "s3:// is read by the package @aws-sdk/client-s3, which is not installed";
  expect([code, stdout]).toEqual([0, `unsupported ${message}: npm install @aws-sdk/client-s3@3\n`]);
});

test("an index without LanceDB is kept flat, which is said; asking for lance ends with the line that brings it", () => {
  const script = `
    import { mkdirSync, writeFileSync } from "node:fs";
    import { clipPreprocess } from "@clip-ts/image";
    import { tokenizerFor } from "@clip-ts/inference";
    import { initClip, preset } from "@clip-ts/model";
    import { writeModel } from "@clip-ts/node";
    const config = preset("nano");
    await writeModel("indexing", { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) }, initClip(config, 1));
    mkdirSync("photos");
    writeFileSync("photos/grey.ppm", Buffer.concat([Buffer.from("P6 8 8 255\\n"), Buffer.alloc(192, 99)]));`;
  expect(node("--input-type=module", "--eval", script).code).toBe(0);
  const index = (...args: string[]) => node(program, "index", "indexing", "photos", ...args, "--engine", "wasm");
  const packages = "npm install @lancedb/lancedb@0.31.0 apache-arrow@18.1.0";
  const usual = index("-o", "flat.index");
  expect([usual.code, usual.stderr.replaceAll(/\s+/g, " ")]).toEqual([
    0,
    expect.stringMatching(new RegExp(`vectors are kept flat .*${packages}`)),
  ]);
  const record = JSON.parse(readFileSync(join(folder, "flat.index", "index.json"), "utf8"));
  expect(record.store.name).toBe("flat");
  const asked = index("-o", "lance.index", "--store", "lance");
  expect([asked.code, asked.stderr.replaceAll(/\s+/g, " ")]).toEqual([1, expect.stringContaining("@lancedb/lancedb")]);
  expect(existsSync(join(folder, "lance.index"))).toBe(false);
});
