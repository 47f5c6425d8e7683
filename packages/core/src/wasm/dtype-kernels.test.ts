import { isClipError } from "@clip-ts/base";
import { tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import {
  cast,
  clipByValue,
  dispose,
  oneHot,
  prelu,
  stridedSlice,
  tensor,
  type DataType,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";

afterAll(() => useEngine("cpu"));

const types = ["float32", "int32", "bool"] as const satisfies readonly DataType[];

interface Read {
  readonly dtype: DataType;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** What an operation gives on both engines. */
async function onBoth(run: () => Tensor): Promise<{ cpu: Read; wasm: Read }> {
  const read = async (engine: "cpu" | "wasm"): Promise<Read> => {
    await useEngine(engine);
    const result = run();
    return { dtype: result.dtype, shape: result.shape, values: Array.from(await result.data()) };
  };
  return { cpu: await read("cpu"), wasm: await read("wasm") };
}

async function expectSame(run: () => Tensor): Promise<void> {
  const { cpu, wasm } = await onBoth(run);
  expect(wasm).toEqual(cpu);
}

const indices = (): Tensor => tensor([0, 2, 1, 3, -1, 2], [2, 3], "int32"); // some out of range

test.each(types)("oneHot is cpu's for %s", async (type) => {
  await expectSame(() => oneHot(indices(), 3, 1, 0, type));
  await expectSame(() => oneHot(indices(), 4, 0, 1, type));
});

test("oneHot takes any two values and gives ones that are 1", async () => {
  await expectSame(() => oneHot(indices(), 3, 0.75, -0.25, "float32"));
  await expectSame(() => oneHot(indices(), 3, 7, -3, "int32"));
  await useEngine("wasm");
  const rows = await oneHot(tensor([1, 0], [2], "int32"), 2, 1, 0, "float32").data();
  expect(Array.from(rows)).toEqual([0, 1, 1, 0]);
});

test("clipByValue is cpu's for float32 and int32, and NaN stays NaN", async () => {
  await expectSame(() => clipByValue(tensor([-3, -0.5, 0, 2.5, Infinity, NaN]), -1, 2));
  await expectSame(() => clipByValue(tensor([-3, -1, 0, 2, 20_000_001], [5], "int32"), -1, 2));
});

test.each(types)("a cast of %s to bool is true for all but 0", async (type) => {
  const values = type === "bool" ? [0, 1, 1, 0] : [-2, 0, 256, 1];
  await expectSame(() => cast(tensor(values, [4], type), "bool"));
});

test("0.5 and NaN are true, as in cpu", async () => {
  await expectSame(() => cast(tensor([0.5, -0.5, NaN, Infinity, 0]), "bool"));
});

test("prelu is cpu's for slopes of every shape and type", async () => {
  const x = (): Tensor => tensor([-2, -1, 0, 1, -3, 2, 4, -5, 6, -0.5, 3, -8], [3, 4]);
  for (const shape of [[3, 4], [4], [1, 4], [3, 1], [1]]) {
    const slopes = [1.5, 2, -1, 3, 1, 4, 7, -2, 5, 9, 6, 8];
    const count = shape.reduce((a, b) => a * b, 1);
    for (const type of ["float32", "int32"] as const) {
      await expectSame(() => prelu(x(), tensor(slopes.slice(0, count), shape, type)));
    }
  }
});

test("a strided slice is right for float32 and refused for other types", async () => {
  const slice = (type: DataType): Tensor =>
    stridedSlice(tensor([1, 0, 1, 1, 0, 1], [2, 3], type), [0, 0], [2, 3], [1, 2]);
  await expectSame(() => slice("float32"));
  for (const type of ["int32", "bool"] as const) {
    let found: unknown;
    try {
      slice(type);
    } catch (error) {
      found = error;
    }
    expect(isClipError(found) && `${found.code}: ${found.message}`).toBe(
      `unsupported: StridedSlice of tfjs-backend-wasm is wrong for ${type}. Cast to float32 first.`,
    );
  }
});

test("the kernels leave only their results behind", async () => {
  await useEngine("wasm");
  const left = await tensorsLeftBy(async () => {
    const x = tensor([-1, 2], [1, 2]);
    const ids = tensor([1, 0], [2], "int32");
    dispose([x, ids, oneHot(ids, 2), clipByValue(x, 0, 1), cast(x, "bool"), prelu(x, x)]);
  });
  expect(left).toBe(0);
});
