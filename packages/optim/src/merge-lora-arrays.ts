import type { HostArray, HostArrays } from "@clip-ts/core";
import { adapterNames, type LoraConfig } from "./lora.ts";

/** Products are summed over so many inner elements before they are rounded: as tfjs's cpu engine does. */
const block = 48;

/** up [rows, inner] · down [inner, columns], rounded to float32 after each block. */
function product(up: HostArray, down: HostArray): Float32Array {
  const [rows = 0, inner = 0] = up.shape;
  const [, columns = 0] = down.shape;
  const result = new Float32Array(rows * columns);
  for (let start = 0; start < inner; start += block) {
    const end = Math.min(start + block, inner);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let index = start; index < end; index++) {
          const left = up.data[row * inner + index] as number;
          sum += left * (down.data[index * columns + column] as number);
        }
        const place = row * columns + column;
        result[place] = (result[place] as number) + sum;
      }
    }
  }
  return result;
}

function added(weight: HostArray, adapter: Float32Array, factor: number): HostArray {
  const scale = Math.fround(factor);
  const data = Float32Array.from(
    weight.data,
    (value, index) => value + Math.fround((adapter[index] as number) * scale),
  );
  return { data, shape: weight.shape };
}

/**
 * `mergeLora` for arrays on the host, without an engine: bit for bit what tfjs's cpu engine computes.
 * Leaves without an adapter are the given arrays themselves.
 */
export function mergeLoraArrays(
  params: HostArrays,
  adapters: HostArrays,
  { rank, alpha = rank }: Pick<LoraConfig, "rank" | "alpha">,
): HostArrays {
  const merged = Object.entries(params).map(([path, leaf]): [string, HostArray] => {
    const [down, up] = adapterNames(path).map((name) => adapters[name]);
    if (down === undefined || up === undefined) return [path, leaf];
    return [path, added(leaf, product(up, down), alpha / rank)];
  });
  return Object.fromEntries(merged);
}
