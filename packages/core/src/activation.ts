import { add, erf, exp, mul, relu, sigmoid, square, sub, tanh, type Tensor } from "@tensorflow/tfjs-core";
import { withGradient } from "./gradient.ts";

/** Names as in Hugging Face's `hidden_act`. */
export type Activation = "gelu" | "gelu_pytorch_tanh" | "quick_gelu" | "relu" | "silu";

/** An elementwise function and its derivative as one node on the tape, keeping only x. */
function elementwise(value: (x: Tensor) => Tensor, derivative: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (x) =>
    withGradient({
      inputs: [x],
      forward(save) {
        save(x);
        return value(x);
      },
      backward: (dy, [kept]) => [mul(dy, derivative(kept as Tensor))],
    });
}

const quickGeluSlope = 1.702;

/** x · σ(slope · x): of 1.702 the activation of OpenAI's weights, of 1 SiLU or Swish (Ramachandran et al. 2017). */
function gatedByItself(slope: number): (x: Tensor) => Tensor {
  const scaled = (x: Tensor): Tensor => (slope === 1 ? x : mul(x, slope));
  return elementwise(
    (x) => mul(x, sigmoid(scaled(x))),
    (x) => {
      const gate = sigmoid(scaled(x));
      // d/dx x·σ(ax) = σ·(1 + a·x·(1 - σ))
      return mul(gate, add(mul(scaled(x), sub(1, gate)), 1));
    },
  );
}

/** x · Φ(x) with the normal distribution Φ by the error function (Hendrycks & Gimpel 2016). */
function gelu(): (x: Tensor) => Tensor {
  const cumulative = (x: Tensor): Tensor => mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = (x: Tensor): Tensor => mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return elementwise(
    (x) => mul(x, cumulative(x)),
    (x) => add(cumulative(x), mul(x, density(x))),
  );
}

/** GELU with Φ approximated by tanh(√(2/π) · (x + 0.044715 x³)). */
function geluTanh(): (x: Tensor) => Tensor {
  const root = Math.sqrt(2 / Math.PI);
  const cubic = 0.044715;
  const bend = (x: Tensor): Tensor => tanh(mul(mul(x, root), add(mul(square(x), cubic), 1)));
  return elementwise(
    (x) => mul(mul(x, 0.5), add(bend(x), 1)),
    (x) => {
      const bent = bend(x);
      const slope = mul(add(mul(square(x), 3 * cubic), 1), root);
      const inner = mul(mul(mul(x, 0.5), sub(1, square(bent))), slope);
      return add(mul(add(bent, 1), 0.5), inner);
    },
  );
}

/** Applies the named activation to every value. x [...] → same. */
export function activate(name: Activation, x: Tensor): Tensor {
  switch (name) {
    case "quick_gelu":
      return gatedByItself(quickGeluSlope)(x);
    case "silu":
      return gatedByItself(1)(x);
    case "gelu":
      return gelu()(x);
    case "gelu_pytorch_tanh":
      return geluTanh()(x);
    case "relu":
      return relu(x);
  }
}
