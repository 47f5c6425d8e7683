import { expect, test } from "vitest";
import { automaticEngines, parseProcessor } from "./engine.ts";

const zen3 = "model name\t: AMD EPYC 7763\nflags\t\t: fpu sse4_2 avx avx2 bmi2 fma\n";
const zen4 = "flags\t\t: fpu avx avx2 avx512f avx512bw avx512_bf16 avx512_vnni fma\n";
const skylake = "flags\t\t: fpu avx avx2 avx512f avx512bw fma\n";
const arm = "Features\t: fp asimd evtstrm aes bf16\n";

test.each([
  [zen3, { hasAvx512: false, hasBf16: false, hasVnni: false }],
  [zen4, { hasAvx512: true, hasBf16: true, hasVnni: true }],
  [skylake, { hasAvx512: true, hasBf16: false, hasVnni: false }],
  [arm, { hasAvx512: undefined, hasBf16: undefined, hasVnni: undefined }],
  ["", { hasAvx512: undefined, hasBf16: undefined, hasVnni: undefined }],
])("a processor's vectors are read from Linux's list (%#)", (cpuinfo, expected) => {
  expect(parseProcessor(cpuinfo)).toEqual(expected);
});

const cpuEngines = (cpuinfo: string): readonly string[] => automaticEngines("cpu", parseProcessor(cpuinfo));

test("without 512-bit vectors ONNX Runtime comes before TensorFlow, with them or unsaid after it", () => {
  expect(cpuEngines(zen3)).toEqual(["onnx", "tensorflow", "wasm", "cpu"]);
  expect(cpuEngines(zen4)).toEqual(["tensorflow", "onnx", "wasm", "cpu"]);
  expect(cpuEngines(arm)).toEqual(["tensorflow", "onnx", "wasm", "cpu"]);
  expect(automaticEngines(undefined, parseProcessor(zen3))[0]).toBe("tensorflow-gpu");
});
