// @ts-check
// oxlint-disable no-restricted-imports -- run by hand, not part of the library
// Compiles assembly/dots.ts and writes src/generated/dots-wasm.ts: `pnpm build:wasm`.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));
const target = "src/generated/dots-wasm.ts";

/** The module in base64. Its memory is 10 pages: see src/flat/dots-wasm.ts. */
export async function compileDots() {
  const { main } = await import("assemblyscript/asc");
  /** @type {Uint8Array | undefined} */
  let binary;
  const options = ["--baseDir", folder, "--outFile", "dots.wasm"];
  const flags = ["--enable", "simd", "--runtime", "stub", "--noAssert", "-O3"];
  const memory = ["--initialMemory", "10", "--maximumMemory", "10"];
  const { error } = await main(["assembly/dots.ts", ...options, ...flags, ...memory], {
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
    "// Made from assembly/dots.ts by `pnpm build:wasm`.",
    "/** The WebAssembly module of dot products, in base64. */",
    `export const dotsWasm: string =\n  "${await compileDots()}";`,
    "",
  ].join("\n");
  writeFileSync(new URL(`../${target}`, import.meta.url), text);
}
