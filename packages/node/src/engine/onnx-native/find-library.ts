import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/** What ONNX Runtime's own library is called on Linux, macOS and Windows. */
const libraryName = /^(lib)?onnxruntime(\.[\d.]+)?\.(so(\.[\d.]+)?|dylib|dll)$/u;

/**
 * ONNX Runtime's library inside the npm package onnxruntime-node, for this platform.
 * @returns its path, or undefined if the package does not carry one.
 */
export function findOnnxLibrary(): string | undefined {
  const manifest = require.resolve("onnxruntime-node/package.json");
  const binaries = join(dirname(manifest), "bin");
  const versions = existsSync(binaries) ? readdirSync(binaries) : [];
  for (const version of versions.toSorted().toReversed()) {
    const folder = join(binaries, version, process.platform, process.arch);
    const found = existsSync(folder)
      ? readdirSync(folder).find((name) => libraryName.test(name))
      : undefined;
    if (found !== undefined) return join(folder, found);
  }
  return undefined;
}
