import { elementwise } from "./lower-elementwise.ts";
import { reductions } from "./lower-reductions.ts";
import { structure } from "./lower-structure.ts";
import { windowed } from "./lower-windows.ts";
import type { Lowering } from "./lowering.ts";

/** How each operation that can be traced is said in ONNX, and those that passes for ONNX make. */
export const lowerings: ReadonlyMap<string, Lowering> = new Map(
  Object.entries({ ...elementwise, ...reductions, ...structure, ...windowed }),
);
