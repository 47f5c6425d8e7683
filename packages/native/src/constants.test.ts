import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { sourceFolder, sourceNames } from "./compile.ts";
import { gemmChoices, inputKinds, microKernel, operationNames, outputKinds, rowCodes } from "./constants.ts";

type Numbers = Readonly<Record<string, number>>;

const capital = (name: string): string => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;

/** An enumeration of C++ with a name for each number, such as `kInputWhole`. */
const enumeration = (type: string, prefix: string, numbers: Numbers): string => {
  const entries = Object.entries(numbers);
  const lines = entries.map(([name, number]) => `  k${prefix}${capital(name)} = ${number},`);
  return `enum ${type} : int {\n${lines.join("\n")}\n};`;
};

/** What C++ and TypeScript both have to know, as C++. */
const header = `// What TypeScript knows too. Written from src/constants.ts by its test: pnpm vitest packages/native -u
#ifndef CLIP_TS_CONSTANTS_H_
#define CLIP_TS_CONSTANTS_H_

#include <cstdint>

namespace clip_ts {

${Object.entries(operationNames)
  .map(([name, op]) => `constexpr char k${capital(name)}Op[] = "${op}";`)
  .join("\n")}

// The block of C that the micro-kernel of GEMM keeps in registers: rows by columns.
${Object.entries(microKernel)
  .map(([name, size]) => `constexpr int64_t k${name} = ${size};`)
  .join("\n")}

// Which GEMM multiplies matrices: our own, or TensorFlow's for a reason.
${enumeration("GemmChoice", "", gemmChoices)}

// Instructions of a row kernel.
${enumeration("Code", "", rowCodes)}

// How operands of a row kernel lie over the rows.
${enumeration("InputKind", "Input", inputKinds)}
${enumeration("OutputKind", "Output", outputKinds)}

}  // namespace clip_ts

#endif  // CLIP_TS_CONSTANTS_H_
`;

test("the header of C++ says what the constants of TypeScript say", async () => {
  await expect(header).toMatchFileSnapshot("../cpp/constants.h");
});

test("every file of C++ is named, or a header", () => {
  const sources = readdirSync(sourceFolder).filter((name) => !name.endsWith(".h"));
  expect(sources.toSorted()).toEqual(sourceNames);
});
