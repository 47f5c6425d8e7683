import { ClipError } from "@clip-ts/base";
import { getGradient } from "@tensorflow/tfjs-core";

/** What tfjs says where the tape meets an operation without a gradient. */
const complaint = /gradient function not found for (\w+)/u;

function remedy(operation: string): string {
  if (getGradient("Add") == null) {
    return (
      "No gradients are registered: tfjs-core has none in Node. " +
      'Write `import "@clip-ts/core/gradients";` once, before training.'
    );
  }
  return (
    `The operation ${operation} has no gradient. Compute the loss with other operations, give that part a ` +
    "derivative of its own with withGradient, or import @tensorflow/tfjs, which has gradients for a few more."
  );
}

/**
 * Differentiates, and says what to do where an operation has no gradient.
 * @throws ClipError "unsupported" naming the operation.
 */
export function namingMissingGradients<Result>(differentiate: () => Result): Result {
  try {
    return differentiate();
  } catch (error) {
    const operation = error instanceof Error ? complaint.exec(error.message)?.[1] : undefined;
    if (operation === undefined) throw error;
    throw new ClipError("unsupported", remedy(operation), { data: { operation }, cause: error });
  }
}
