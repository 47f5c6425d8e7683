// @ts-check
// oxlint-disable no-restricted-imports -- run by hand, not part of the library
// Compiles assembly/resample.ts and writes src/generated/resample-wasm.ts: `pnpm build:wasm`.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));
const target = "src/generated/resample-wasm.ts";

/** The module in base64. */
export async function compileResample() {
  const { main } = await import("assemblyscript/asc");
  /** @type {Uint8Array | undefined} */
  let binary;
  const options = ["--baseDir", folder, "--outFile", "resample.wasm"];
  const flags = ["--enable", "simd", "--runtime", "stub", "--noAssert", "-O3"];
  const memory = ["--initialMemory", "1", "--maximumMemory", "128"];
  const { error } = await main(["assembly/resample.ts", ...options, ...flags, ...memory], {
    stderr: process.stderr,
    writeFile: (_name, contents) => {
      if (typeof contents !== "string") binary = contents;
    },
  });
  if (error !== null) throw error;
  if (binary === undefined) throw new Error("The compiler wrote no module.");
  return Buffer.from(binary).toString("base64");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = [
    "// Made from assembly/resample.ts by `pnpm build:wasm`.",
    "/** The WebAssembly module of a resize's two passes, in base64. */",
    `export const resampleWasm: string =\n  "${await compileResample()}";`,
    "",
  ].join("\n");
  writeFileSync(new URL(`../${target}`, import.meta.url), text);
}
