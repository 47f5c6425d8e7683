import { expect, test } from "vitest";
import { describeGemm, loadOwnOperations } from "./own-operations.ts";

test.each([
  ["own", false, "clip-ts's own: this processor has AVX512-BF16 and no AMX"],
  ["noBf16", false, /^TensorFlow's \(oneDNN or Eigen\): .* needs a processor with AVX512-BF16$/],
  ["hasAmx", false, /^TensorFlow's \(oneDNN or Eigen\): .*AMX oneDNN is faster/],
  ["otherPlatform", false, /^TensorFlow's \(oneDNN or Eigen\): .*x86-64/],
  [undefined, false, /^TensorFlow's \(oneDNN or Eigen\): .*clip-ts setup tensorflow adds it$/],
  [undefined, true, "cuBLAS's, on the GPU"],
] as const)("GEMM of %s, on a GPU: %s", (gemm, isOnGpu, said) => {
  const own = gemm === undefined ? {} : { hasOwnOperations: true, gemm };
  expect(describeGemm(own, isOnGpu)).toMatch(said);
});

test("without a library there are no operations of its own", () => {
  expect(loadOwnOperations("/nowhere", "2.21.0")).toEqual({});
});
