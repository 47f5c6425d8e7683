import { ClipError } from "@clip-ts/base";
import { ScriptModule, StoredTensor } from "./stored-tensor.ts";

/** Far beyond any model: modules nest about ten deep, and the largest CLIP has a few thousand tensors. */
const limits = { depth: 64, visits: 1_000_000 } as const;

/** Where training scripts put the weights, best first; what stands beside them is not the model. */
const wrappers = ["state_dict", "model_state_dict", "model", "params"] as const;

/** The state dict itself, out of a training checkpoint that holds more. */
function unwrap(root: unknown): unknown {
  if (!(root instanceof Map)) return root;
  const wrapper = wrappers.find((key) => root.get(key) instanceof Map);
  return wrapper === undefined ? root : root.get(wrapper);
}

/**
 * Every tensor of an unpickled checkpoint by its dotted name, in stored order: a state dict, one wrapped
 * in a training checkpoint, or the modules of a TorchScript archive.
 * @throws ClipError "bad-weights" for nesting beyond reason.
 */
export function collectTensors(root: unknown, label: string): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  let visits = 0;
  const visit = (value: unknown, path: readonly string[]): void => {
    visits += 1;
    if (path.length > limits.depth || visits > limits.visits) {
      throw new ClipError("bad-weights", `${label} nests its values beyond reason.`, {
        data: { label, depth: path.length, visits },
      });
    }
    if (value instanceof StoredTensor) tensors.set(path.join("."), value);
    const inner = value instanceof ScriptModule ? value.attributes : value;
    if (!(inner instanceof Map)) return;
    for (const [key, child] of inner) visit(child, [...path, String(key)]);
  };
  visit(unwrap(root), []);
  return tensors;
}
