/** Instructions on elements. The native part has the same numbers (packages/node/native/row_program.h). */
export const elementCodes = {
  Add: 0,
  Sub: 1,
  Multiply: 2,
  RealDiv: 3,
  Maximum: 4,
  Minimum: 5,
  SquaredDifference: 6,
  Neg: 16,
  Exp: 17,
  Sqrt: 18,
  Rsqrt: 19,
  Square: 20,
  Sigmoid: 21,
  Reciprocal: 22,
  Relu: 23,
} as const;

/** Instructions that make one number of a row. */
export const reductionCodes = { Sum: 32, Mean: 33, Max: 34 } as const;

/** The name of an instruction; the last two give results to the outside. */
export type RowCode =
  | keyof typeof elementCodes
  | keyof typeof reductionCodes
  | "Store"
  | "AddToColumns";

/** Numbers of all instructions. */
export const rowCodes: Readonly<Record<RowCode, number>> = {
  ...elementCodes,
  ...reductionCodes,
  Store: 48,
  AddToColumns: 49,
};
