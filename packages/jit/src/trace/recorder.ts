import type { Attributes, Constant, Dtype, Node, Value } from "../ir/graph.ts";
import type { Op } from "../ir/ops.ts";

/** The graph in the making. */
export interface Recorder {
  readonly nodes: Node[];
  readonly constants: Constant[];
  /** A value of its own, not yet produced by anything. */
  value(shape: readonly number[], dtype: Dtype): Value;
  /** Appends an operation. @returns its results. */
  record(
    op: Op,
    inputs: readonly Value[],
    attributes: Attributes,
    results: readonly { readonly shape: readonly number[]; readonly dtype: Dtype }[],
  ): readonly Value[];
  /** Data that the traced function brought along; one repeated number becomes a `Fill`. */
  constant(data: Constant["data"], shape: readonly number[], dtype: Dtype): Value;
}

/** The number that fills the whole array, if there is one. Signed zeros and NaN are told apart. */
function splatOf(data: Constant["data"]): number | undefined {
  const first = data[0];
  return first !== undefined && data.every((value) => Object.is(value, first)) ? first : undefined;
}

/** An empty recorder. */
export function createRecorder(): Recorder {
  const nodes: Node[] = [];
  const constants: Constant[] = [];
  let next = 0;
  const value: Recorder["value"] = (shape, dtype) => ({ id: next++, shape: [...shape], dtype });
  const record: Recorder["record"] = (op, inputs, attributes, results) => {
    const outputs = results.map(({ shape, dtype }) => value(shape, dtype));
    nodes.push({ op, inputs, attributes, outputs });
    return outputs;
  };
  return {
    nodes,
    constants,
    value,
    record,
    constant(data, shape, dtype) {
      const splat = splatOf(data);
      if (splat !== undefined) {
        return record("Fill", [], { value: splat }, [{ shape, dtype }])[0] as Value;
      }
      const made = value(shape, dtype);
      constants.push({ value: made, data: data.slice() });
      return made;
    },
  };
}
