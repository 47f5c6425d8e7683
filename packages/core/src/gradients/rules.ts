import { activations } from "./activations.ts";
import { arithmetic } from "./arithmetic.ts";
import { indexing } from "./indexing.ts";
import { products } from "./products.ts";
import { reductions } from "./reductions.ts";
import type { Rules } from "./rule.ts";
import { shapes } from "./shapes.ts";
import { windows } from "./windows.ts";

/** The gradients of all operations that have one here. */
export const rules: Rules = {
  ...arithmetic,
  ...activations,
  ...reductions,
  ...shapes,
  ...indexing,
  ...products,
  ...windows,
};
