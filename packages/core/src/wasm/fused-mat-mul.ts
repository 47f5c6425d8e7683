import {
  add,
  elu,
  leakyRelu,
  matMul,
  prelu,
  relu,
  relu6,
  sigmoid,
  tidy,
  type KernelFunc,
  type Tensor,
} from "@tensorflow/tfjs-core";

interface FusedAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly activation: string;
  readonly leakyreluAlpha?: number;
}

function activated(x: Tensor, attributes: FusedAttributes, slopes: Tensor | undefined): Tensor {
  switch (attributes.activation) {
    case "linear":
      return x;
    case "relu":
      return relu(x);
    case "relu6":
      return relu6(x);
    case "elu":
      return elu(x);
    case "sigmoid":
      return sigmoid(x);
    case "leakyrelu":
      return leakyRelu(x, attributes.leakyreluAlpha ?? 0.2);
    case "prelu":
      return prelu(x, slopes as Tensor);
    default:
      throw new Error(`tf.fused.matMul on wasm: activation "${attributes.activation}" is unknown.`);
  }
}

/**
 * tf.fused.matMul for tfjs-backend-wasm, composed of the repaired product, a sum and an activation.
 * The backend's own kernel adds the bias several times, and the wrong entries of it, whenever an operand
 * is transposed or has a batch.
 */
export const fusedMatMulKernel: KernelFunc = ({ inputs, attrs }) => {
  const attributes = attrs as unknown as FusedAttributes;
  const { a, b, bias, preluActivationWeights: slopes } = inputs as Record<string, Tensor>;
  return tidy(() => {
    const product = matMul(a as Tensor, b as Tensor, attributes.transposeA, attributes.transposeB);
    return activated(bias == null ? product : add(product, bias), attributes, slopes);
  });
};
