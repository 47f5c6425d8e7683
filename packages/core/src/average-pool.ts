import { avgPool, concat, mul, reshape, type Tensor, type Tensor4D } from "@tensorflow/tfjs-core";
import { withGradient } from "./custom-gradient.ts";

/** Every place of a picture `size` times in both directions. [batch, h, w, c] → [batch, h·size, w·size, c]. */
function enlarge(x: Tensor, size: number): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const repeat = (rows: Tensor): Tensor =>
    concat(
      Array.from({ length: size }, () => rows),
      -1,
    );
  const wide = repeat(x); // [batch, height, width, size·channels]
  const tall = repeat(reshape(wide, [batch, height, width * size * channels]));
  return reshape(tall, [batch, height * size, width * size, channels]);
}

/**
 * Means of squares of `size` places that touch each other, as PyTorch's AvgPool2d(size); `size` divides
 * height and width. x [batch, height, width, channels] → [batch, height / size, width / size, channels].
 *
 * The gradient is one copy for each place, without a pooling kernel: tfjs's own is a slow loop.
 */
export function averagePool(x: Tensor, size: number): Tensor {
  if (size === 1) return x;
  return withGradient({
    inputs: [x],
    forward: () => avgPool(x as Tensor4D, size, size, "valid"),
    backward: (dy) => [enlarge(mul(dy, 1 / (size * size)), size)],
  });
}
