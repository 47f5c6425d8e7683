import { env, getGradient, grad, registerGradient, square, tensor } from "@tensorflow/tfjs-core";
import { afterEach, expect, test, vi } from "vitest";
import { registerGradients, rules } from "./index.ts";

afterEach(() => vi.restoreAllMocks());

test("to import the module is enough", async () => {
  for (const [name, { gradFunc }] of Object.entries(rules)) {
    expect(getGradient(name)?.gradFunc, name).toBe(gradFunc);
  }
  expect(await grad(square)(tensor([3])).data()).toEqual(new Float32Array([6]));
});

test("what is registered stays, however often it is called, and nothing is printed", () => {
  const other = { ...getGradient("Square"), gradFunc: () => ({}) };
  registerGradient(other);
  const warn = vi.spyOn(console, "warn").mockReturnValue();
  const wasDebug = env().getBool("DEBUG");
  env().set("DEBUG", true); // the only mode in which tfjs would say that a gradient is replaced
  registerGradients();
  registerGradients();
  env().set("DEBUG", wasDebug);
  expect(getGradient("Square")).toBe(other);
  expect(warn.mock.calls.flat().filter((said) => String(said).includes("gradient"))).toEqual([]);
  registerGradient({ kernelName: "Square", ...rules["Square"]! });
});

test("@tensorflow/tfjs can be imported afterwards in silence, and then has the word", async () => {
  const print = ["warn", "log", "error"].map((name) => vi.spyOn(console, name as "warn").mockReturnValue());
  await import("@tensorflow/tfjs");
  registerGradients();
  expect(print.flatMap(({ mock }) => mock.calls)).toEqual([]);
  expect(getGradient("Square").gradFunc).not.toBe(rules["Square"]?.gradFunc);
  expect(await grad(square)(tensor([3])).data()).toEqual(new Float32Array([6]));
});
