/**
 * Raised whenever operations change: their names, what they take or what they compute. An older build is then
 * not taken for the new one.
 */
export const operationsVersion = 4;

/** The operations that the library adds to TensorFlow, by what they do. */
export const operationNames = {
  adamw: "ClipTsAdamW",
  attention: "ClipTsAttention",
  fusedRows: "ClipTsFusedRows",
  matMul: "ClipTsMatMul",
  prepackB: "ClipTsPrepackB",
  sumOfSquares: "ClipTsSumOfSquares",
  transpose: "ClipTsTranspose",
} as const;

/** The block of C that the GEMM's micro-kernel keeps in registers: MR rows by NR columns. */
export const microKernel = { MR: 6, NR: 64 } as const;

/** Which GEMM multiplies matrices in a process, as the loaded library numbers it. */
export const gemmChoices = { own: 0, noBf16: 1, hasAmx: 2, otherPlatform: 3 } as const;

/** The library's own GEMM, or why TensorFlow's multiplies instead. */
export type GemmChoice = keyof typeof gemmChoices;

/** Instructions of a row kernel on elements, named after the operations that they compute. */
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

/** Instructions of a row kernel that make one number of a row. */
export const reductionCodes = { Sum: 32, Mean: 33, Max: 34 } as const;

/** Instructions that give results to the outside: as they are, or added up over the rows. */
export const storeCodes = { Store: 48, AddToColumns: 49 } as const;

/** The name of an instruction. */
export type RowCode = keyof typeof elementCodes | keyof typeof reductionCodes | keyof typeof storeCodes;

/** Numbers of all instructions. */
export const rowCodes: Readonly<Record<RowCode, number>> = {
  ...elementCodes,
  ...reductionCodes,
  ...storeCodes,
};

/**
 * How an input of a row kernel lies over the rows: one number for each place (`whole`), one for each row
 * (`column`), rows that come again and again (`repeated`), or one number.
 */
export const inputKinds = { whole: 0, column: 1, repeated: 2, number: 3 } as const;

/** How an output does: a matrix, one number a row, or the sums over its columns. */
export const outputKinds = { whole: 0, column: 1, sums: 2 } as const;
