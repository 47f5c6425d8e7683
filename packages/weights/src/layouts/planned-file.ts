import { byteLengthOf, sliceRows, type HostTensor } from "../host-tensor.ts";
import { finder, type TensorFile } from "../tensor-file.ts";
import { assemble } from "./assemble.ts";
import type { ConversionPlan } from "./conversion-plan.ts";

/** A view of the file under the names that a plan makes; tensors are made when they are read. */
export function plannedFile(file: TensorFile, plans: ConversionPlan): TensorFile {
  const find = finder(plans, file.label);
  return {
    label: file.label,
    metadata: file.metadata,
    names: [...plans.keys()],
    describe(name) {
      const { dtype, shape } = find(name);
      return { dtype, shape, byteLength: byteLengthOf({ dtype, shape }) };
    },
    async read(name, rows) {
      const plan = find(name);
      const sources: HostTensor[] = [];
      for (const piece of plan.pieces) sources.push(await file.read(piece.name, piece.rows));
      const tensor = assemble(plan, sources);
      return rows === undefined ? tensor : sliceRows(tensor, rows);
    },
  };
}
