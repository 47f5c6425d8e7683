import { isClipError } from "@clip-ts/base";
import type { Tensor } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, expectTypeOf, test } from "vitest";
import { layerNormSpec, type LayerNormParams, type LinearParams } from "./layers.ts";
import { initParams, type ParamSpec } from "./spec.ts";
import { flattenTree, mapTree, unflattenLike, type TreeOf } from "./tree.ts";

/** A block as a tower has it: nested objects, an array, an optional leaf. */
interface StackParams<Leaf = Tensor> {
  readonly norm: LayerNormParams<Leaf>;
  readonly layers: readonly { readonly fc: LinearParams<Leaf> }[];
}

const key = fc.stringMatching(/^[a-z_]{1,6}$/u);
const { tree: trees } = fc.letrec<{ tree: object; node: unknown }>((tie) => ({
  node: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.boolean(), tie("tree")),
  tree: fc.oneof(
    fc.dictionary(key, tie("node"), { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
    fc.array(tie("node"), { minLength: 1, maxLength: 3 }),
  ),
}));

test("flattening and unflattening gives the tree back", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      expect(unflattenLike(tree, flattenTree(tree))).toEqual(tree);
    }),
  );
});

test("mapping changes leaves only, and hands over each leaf's path", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const flat = flattenTree<unknown>(tree);
      const name = (leaf: unknown, path: string): string => [leaf, path].join("@");
      const mapped = mapTree<object, unknown, string>(tree, name) as unknown as object;
      const expected = Object.entries(flat).map(([path, leaf]) => [path, [leaf, path].join("@")]);
      expect(flattenTree(mapped)).toEqual(Object.fromEntries(expected));
    }),
  );
});

test("paths are keys and positions joined by dots, as checkpoints name them", () => {
  const tree = { logit_scale: 1, layers: [{ fc: { weight: 2 } }, { fc: { weight: 3, bias: 4 } }] };
  expect(flattenTree(tree)).toEqual({
    logit_scale: 1,
    "layers.0.fc.weight": 2,
    "layers.1.fc.weight": 3,
    "layers.1.fc.bias": 4,
  });
});

test("a leaf left out or undefined is no leaf", () => {
  const tree = { weight: 1, bias: undefined };
  expect(flattenTree(tree)).toStrictEqual({ weight: 1 });
  expect(mapTree(tree, (leaf: number) => leaf + 1)).toStrictEqual({ weight: 2 });
});

test("anything with a shape is a leaf, however deep it is itself", () => {
  const spec = { shape: [2], init: { kind: "constant", value: 0 } };
  expect(flattenTree({ scale: spec })).toEqual({ scale: spec });
});

test("a missing leaf is named", () => {
  const unflatten = (): unknown => unflattenLike({ layers: [{ weight: 0 }] }, {});
  expect(unflatten).toThrow('The tree needs a leaf "layers.0.weight", but none was given.');
  try {
    unflatten();
  } catch (error) {
    expect(isClipError(error) && error.data).toEqual({ path: "layers.0.weight" });
  }
});

test("a spec tree and its parameters have one type, but for the leaves", () => {
  expectTypeOf<TreeOf<StackParams<ParamSpec>, ParamSpec, Tensor>>().toEqualTypeOf<StackParams>();
  const params = initParams(layerNormSpec(2), 0);
  expectTypeOf(params).toEqualTypeOf<LayerNormParams>();
  const again = unflattenLike(layerNormSpec(2), flattenTree<Tensor>(params));
  expectTypeOf(again).toEqualTypeOf<LayerNormParams>();
  params.weight?.dispose();
  params.bias?.dispose();
});
