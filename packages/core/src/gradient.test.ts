import { tensorsLeftBy } from "@clip-ts/test-utils";
import { dispose, mul, scalar, square, sum, tensor, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import { expect, expectTypeOf, test } from "vitest";
import { valueAndGradient, withGradient } from "./gradient.ts";

interface Params {
  readonly a: Tensor;
  readonly nested: { readonly b: Tensor };
}

const load = (): Params => ({ a: tensor([1, 2]), nested: { b: scalar(3) } });
const free = ({ a, nested }: Params): void => dispose([a, nested.b]);

test("gives the value, a gradient tree of the same structure, and what was handed out", async () => {
  const params = load();
  const { value, gradient, aux } = valueAndGradient(({ a, nested }: Params) => {
    const scaled = mul(a, nested.b);
    return { loss: sum(square(scaled)), aux: { scaled } };
  }, params);
  expectTypeOf(value).toEqualTypeOf<Scalar>();
  expectTypeOf(gradient).toEqualTypeOf<Params>();
  expect(await value.data()).toEqual(new Float32Array([45]));
  expect(await gradient.a.data()).toEqual(new Float32Array([18, 36]));
  expect(await gradient.nested.b.data()).toEqual(new Float32Array([30]));
  expect(await aux!.scaled.data()).toEqual(new Float32Array([3, 6]));
  dispose([value, gradient.a, gradient.nested.b, aux!.scaled]);
  free(params);
});

test("leaves exactly the value, the gradients and the handed-out tensors", async () => {
  const params = load();
  const differentiate = (): unknown =>
    valueAndGradient(({ a, nested }: Params) => {
      const scaled = mul(a, nested.b);
      return { loss: sum(square(scaled)), aux: { scaled } };
    }, params);
  expect(await tensorsLeftBy(differentiate)).toBe(4);
  free(params);
});

test.each([
  { reached: "some leaves", loss: ({ a }: Params): Tensor => sum(square(a)), path: "nested.b" },
  { reached: "no leaf", loss: (): Tensor => square(scalar(2)), path: "a" },
])("a leaf the loss does not reach is named, when it reaches $reached", async ({ loss, path }) => {
  const params = load();
  const differentiate = (): unknown =>
    valueAndGradient((tree: Params) => ({ loss: loss(tree), aux: { copy: square(tree.a) } }), params);
  const left = await tensorsLeftBy(() => {
    expect(differentiate).toThrow(`The loss does not depend on "${path}"`);
  });
  expect(left).toBe(0);
  free(params);
});

test("an empty tree is refused", () => {
  expect(() => valueAndGradient(() => ({ loss: scalar(1) }), {})).toThrow("empty");
});

test("a loss of several numbers is refused, not summed in silence", () => {
  const params = load();
  const differentiate = (): unknown =>
    valueAndGradient(({ a, nested }: Params) => ({ loss: mul(a, nested.b) }), params);
  expect(differentiate).toThrow("The loss should be one number, got [2]");
  free(params);
});

test("an objective that throws is not swallowed", () => {
  const params = load();
  const differentiate = (): unknown =>
    valueAndGradient((): { loss: Tensor } => {
      throw new Error("no data");
    }, params);
  expect(differentiate).toThrow("no data");
  free(params);
});

test("withGradient uses the derivative it is given, and chains it", async () => {
  const params = load();
  const tripled = (x: Tensor): Tensor =>
    withGradient({
      inputs: [x],
      forward: () => mul(x, 1), // a value that says nothing of the derivative below
      backward: (dy) => [mul(dy, 3)],
    });
  const { value, gradient } = valueAndGradient(
    ({ a, nested }: Params) => ({ loss: sum(mul(tripled(a), nested.b)) }),
    params,
  );
  expect(await value.data()).toEqual(new Float32Array([9]));
  expect(await gradient.a.data()).toEqual(new Float32Array([9, 9]));
  dispose([value, gradient.a, gradient.nested.b]);
  free(params);
});
