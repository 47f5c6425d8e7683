import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileAddon } from "./addon.ts";
import { findLibraries } from "./libraries.ts";
import type { SetupContext } from "./setup-options.ts";
import { setupTensorflow } from "./setup-tensorflow.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-setup-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A stand-in with the layout of TensorFlow's wheel. */
const wheel = zipSync({
  "tensorflow/libtensorflow_cc.so.2": new Uint8Array(5000).fill(7),
  "tensorflow/libtensorflow_framework.so.2": new Uint8Array(3000),
  "tensorflow/include/tensorflow/c/c_api.h": new TextEncoder().encode("// header"),
  "tensorflow/include/../../escape.h": new Uint8Array(1),
  "tensorflow/python/big.so": new Uint8Array(9000),
});
const wheelFile = "tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl";

const noCommands = { PATH: join(folder, "no-programs") };

function contextOf(name: string, changes: Partial<SetupContext> = {}): SetupContext {
  return {
    gpu: false,
    wheelName: "tensorflow-cpu",
    cache: join(folder, name, "tensorflow-2.21.0-cpu"),
    index: undefined,
    report: () => undefined,
    environment: noCommands,
    ...changes,
  };
}

test("a wheel gives libraries and headers, and nothing from outside its folder", async () => {
  const path = join(folder, wheelFile);
  writeFileSync(path, wheel);
  const lines: string[] = [];
  const context = contextOf("wheel", { report: (line) => lines.push(line) });
  expect(await findLibraries(folder, context)).toBe(context.cache);
  expect(readdirSync(context.cache).toSorted()).toEqual([
    "include",
    "libtensorflow_cc.so.2",
    "libtensorflow_framework.so.2",
  ]);
  expect(existsSync(join(context.cache, "include/tensorflow/c/c_api.h"))).toBe(true);
  expect(lines.join("\n")).toMatch(/SHA-256 [0-9a-f]{64}[\s\S]*libtensorflow_cc\.so\.2 0\.0 MB/u);
  expect(await findLibraries(undefined, contextOf("wheel"))).toBe(context.cache);
  rmSync(path);
});

test("a cut wheel is an error and leaves nothing half-unpacked", async () => {
  const path = join(folder, "tensorflow_cut.whl");
  writeFileSync(path, wheel.subarray(0, 60));
  const finding = findLibraries(path, contextOf("cut"));
  await expect(finding).rejects.toMatchObject({ code: "bad-data" });
  await expect(finding).rejects.toThrow(/cannot be unpacked as a TensorFlow wheel.*--from/su);
  expect(existsSync(contextOf("cut").cache)).toBe(false);
  rmSync(path);
});

test("a folder without libraries, and one that is not there, are errors that name them", async () => {
  const empty = mkdtempSync(join(folder, "empty-"));
  await expect(findLibraries(empty, contextOf("none"))).rejects.toThrow(/holds neither .* wheel nor/u);
  const missing = join(folder, "missing");
  await expect(findLibraries(missing, contextOf("none"))).rejects.toThrow(/missing does not exist/u);
});

test("on other systems than Linux, the error says what runs there", async () => {
  for (const platform of ["win32", "darwin"] as const) {
    const setup = setupTensorflow({ platform, packageFolder: folder });
    await expect(setup).rejects.toMatchObject({ code: "engine-unavailable", data: { platform } });
    await expect(setup).rejects.toThrow(/on Linux only, and this is \w+\. The engines onnx and wasm/u);
  }
});

test("without pip and index, the error says what to install", async () => {
  await expect(findLibraries(undefined, contextOf("no-pip"))).rejects.toThrow(
    /There is no pip .*--index URL.*--from FILE/u,
  );
});

test("without a compiler, the error says what to install", async () => {
  const include = mkdtempSync(join(folder, "package-"));
  await expect(compileAddon(include, folder, contextOf("compiler"))).rejects.toThrow(
    /no C\+\+ compiler called g\+\+.*apt install g\+\+/u,
  );
  expect(readdirSync(join(include, "lib", "napi-v8"))).toEqual([]);
});

describe("a package index", () => {
  let server: Server;
  let index: string;
  let served: Uint8Array = wheel;
  const ranges: (string | undefined)[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (!request.url?.endsWith(".whl")) {
        const sha256 = createHash("sha256").update(wheel).digest("hex");
        const file = { filename: wheelFile, url: `../files/${wheelFile}`, hashes: { sha256 } };
        response.end(JSON.stringify({ files: [{ ...file, size: wheel.length }] }));
        return;
      }
      ranges.push(request.headers.range);
      const start = Number(/bytes=(\d+)-/u.exec(request.headers.range ?? "")?.[1] ?? 0);
      response.statusCode = start > 0 ? 206 : 200;
      response.end(served.subarray(start));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    index = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
  });
  afterAll(() => server.close());

  test("a wheel that arrives damaged is an error with both checksums, and deleted", async () => {
    served = wheel.with(40, 1);
    const context = contextOf("damaged", { index });
    await expect(findLibraries(undefined, context)).rejects.toThrow(
      /arrived damaged: its SHA-256 is [0-9a-f]{64}, the index says [0-9a-f]{64}/u,
    );
    expect(readdirSync(`${context.cache}-wheel`)).toEqual([]);
    served = wheel;
    expect(await findLibraries(undefined, context)).toBe(context.cache);
  });

  test("a broken download is continued where it ended", async () => {
    const context = contextOf("broken", { index });
    served = wheel.subarray(0, 100);
    await expect(findLibraries(undefined, context)).rejects.toThrow(/damaged/u);
    const half = `${context.cache}-wheel`;
    writeFileSync(join(half, `${wheelFile}.partial`), wheel.subarray(0, 100));
    served = wheel;
    expect(await findLibraries(undefined, context)).toBe(context.cache);
    expect(ranges.at(-1)).toBe("bytes=100-");
  });

  test("an index that does not answer is an error that says how to go on", async () => {
    const context = contextOf("silent", { index: "http://127.0.0.1:9" });
    await expect(findLibraries(undefined, context)).rejects.toThrow(/cannot be read.*--from FILE/su);
  });
});

const libraries = process.env["CLIP_TS_TENSORFLOW_DIR"];
if (libraries === undefined) {
  console.warn("Skipped: building the native part, as CLIP_TS_TENSORFLOW_DIR names no libtensorflow.");
}

test.skipIf(libraries === undefined)(
  "the native part is built, multiplies and takes gradients",
  async () => {
    const require = createRequire(import.meta.url);
    const original = realpathSync(dirname(require.resolve("@tensorflow/tfjs-node/package.json")));
    const packageFolder = join(folder, "tfjs-node");
    cpSync(original, packageFolder, { recursive: true, dereference: false });
    const core = realpathSync(dirname(require.resolve("@tensorflow/tfjs-core/package.json")));
    const beside = [join(original, "../.."), join(core, "../..")];
    const environment = { ...process.env, NODE_PATH: beside.join(":") };
    const lines: string[] = [];
    const options = { packageFolder, environment, report: (line: string) => lines.push(line) };
    const built = await setupTensorflow({ ...options, from: libraries as string });
    expect(built.version).toMatch(/^2\.\d+\.\d+/u);
    expect(lines.join("\n")).toMatch(/compiling .*multiplies and takes gradients.*own operations/su);
    const added = readdirSync(join(packageFolder, "lib/napi-v8")).find((name) =>
      name.startsWith("clip_ts_operations_"),
    );
    expect(added).toMatch(/^clip_ts_operations_\d+_2\.\d+\.\d+\.node$/u);
    expect(await setupTensorflow(options)).toEqual(built);
    expect(lines.at(-1)).toMatch(/is set up already and works/u);
  },
  120_000,
);
