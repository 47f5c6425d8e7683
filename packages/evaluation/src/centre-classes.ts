/**
 * Takes off what all rows of [classes, width] share, in place. Adding it changes no probability and only costs
 * a penalty, or nothing at all for biases, where rounding would let it grow without end.
 */
export function centreClasses(values: Float64Array, classes: number): void {
  const width = values.length / classes;
  const means = new Float64Array(width);
  for (let start = 0; start < values.length; start += width) {
    for (let k = 0; k < width; k++) means[k]! += values[start + k]! / classes;
  }
  for (let start = 0; start < values.length; start += width) {
    for (let k = 0; k < width; k++) values[start + k]! -= means[k]!;
  }
}
