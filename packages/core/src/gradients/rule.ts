import { broadcast_util, cast, reshape, sum, zeros, type GradConfig, type Tensor } from "@tensorflow/tfjs-core";

/** How one operation passes the gradient of its value, dy, on to its inputs. */
export type Rule = Omit<GradConfig, "kernelName">;

/** Rules by the name of tfjs's kernel. */
export type Rules = Readonly<Record<string, Rule>>;

/** x as numbers that can be multiplied with a gradient: float32, the only type a gradient has. */
export function float(x: Tensor): Tensor {
  return x.dtype === "float32" ? x : cast(x, "float32");
}

/**
 * Adds up what broadcasting repeated: the gradient of an input of this shape from that of its broadcast
 * copies. x [...] → shape; x itself where nothing was repeated.
 */
export function sumTo(x: Tensor, shape: number[]): Tensor {
  const repeated = broadcast_util.getReductionAxes(shape, x.shape);
  return repeated.length === 0 ? x : reshape(sum(x, repeated), shape);
}

/** dy as an input's gradient: a tensor of its own, since the tape frees what it adds up. */
export function passOn(dy: Tensor, shape: number[]): Tensor {
  return reshape(sumTo(dy, shape), shape);
}

/** A function of x alone, shape by shape: its gradient from dy and x. */
export function fromInput(derivative: (dy: Tensor, x: Tensor) => Tensor): Rule {
  return {
    inputsToSave: ["x"],
    gradFunc: (dy, [x]) => ({ x: () => derivative(dy as Tensor, float(x as Tensor)) }),
  };
}

/** A function of x whose derivative is simplest in its value y; x need not be kept. */
export function fromValue(derivative: (dy: Tensor, y: Tensor) => Tensor): Rule {
  return {
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => derivative(dy as Tensor, y as Tensor) }),
  };
}

/** dy times a function's derivative by a or by b, in dy's shape, to which both broadcast. */
type Derivative = (dy: Tensor, a: Tensor, b: Tensor) => Tensor;

/** A function of a and b by its derivatives, of which broadcast entries are added up. */
export function ofTwo(byA: Derivative, byB: Derivative): Rule {
  return {
    inputsToSave: ["a", "b"],
    gradFunc(dy, saved) {
      const [a, b] = saved.map(float) as [Tensor, Tensor];
      return {
        a: () => sumTo(byA(dy as Tensor, a, b), a.shape),
        b: () => sumTo(byB(dy as Tensor, a, b), b.shape),
      };
    },
  };
}

/** A function that is constant between its jumps: its inputs' gradients are 0. */
export function flat(...inputs: string[]): Rule {
  return {
    inputsToSave: inputs,
    gradFunc: (_, saved) =>
      Object.fromEntries(inputs.map((name, index) => [name, () => zeros((saved[index] as Tensor).shape)])),
  };
}
