import { afterEach, expect, test, vi } from "vitest";
import { compileResample } from "../scripts/build-wasm.mjs";
import { formulaImage } from "./fixtures/formula-image.ts";
import { resampleWasm } from "./generated/resample-wasm.ts";
import { wasmResampler } from "./resample-wasm.ts";
import { resize } from "./resize.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

test("the module in the package is what its source compiles to", { timeout: 60_000 }, async (context) => {
  const compiler = await import("assemblyscript/asc").catch(() => undefined);
  context.skip(compiler === undefined, "assemblyscript is not installed: the module's source was not compiled");
  expect(await compileResample()).toBe(resampleWasm);
});

test("the module is so small that browsers compile it on the main thread", () => {
  expect(atob(resampleWasm).length).toBeLessThan(4096);
});

test("its memory stays below 8 MB, whatever is asked for", () => {
  const resampler = wasmResampler()!;
  expect(resampler.reserve(2 ** 22)).toBe(true);
  expect(resampler.reserve(2 ** 23 + 1)).toBe(false);
  expect(resampler.passes.memory.buffer.byteLength).toBeLessThanOrEqual(2 ** 23);
});

function Forbidden(): never {
  throw new WebAssembly.CompileError("blocked by the page's security policy");
}

test.each([
  ["is missing", undefined],
  ["may not be compiled", { Module: Forbidden, Instance: Forbidden }],
])("where WebAssembly %s, JavaScript makes the same bytes", async (_name, stub) => {
  const image = formulaImage(70, 50);
  const options = { width: 31, height: 90, interpolation: "bicubic" } as const;
  const expected = resize(image, options);
  vi.resetModules();
  vi.stubGlobal("WebAssembly", stub);
  const { wasmResampler: without } = await import("./resample-wasm.ts");
  expect(without()).toBeUndefined();
  const { resize: plainResize } = await import("./resize.ts");
  expect(plainResize(image, options)).toEqual(expected);
});
