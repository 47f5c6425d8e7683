// The example of every package README is compiled and run as its reader would: plain Node, the built
// packages, nothing else set up.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publishedPackages } from "./checks/workspace.mjs";
import { readReadme } from "./install/readme.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const output = ".test-output";

interface Example {
  readonly name: string;
  /** Folder of the package, relative to the root. */
  readonly folder: string;
  /** The first ts block of the README; undefined where there is none. */
  readonly code: string | undefined;
}

const examples: readonly Example[] = publishedPackages()
  .filter(({ folder }) => folder.startsWith("packages/"))
  .filter(({ folder }) => existsSync(join(root, folder, "src")))
  .map(({ name, folder }) => ({ name, folder, code: readReadme(folder).code }));

const compilerOptions = {
  target: "es2023",
  lib: ["es2023", "dom", "dom.iterable"],
  module: "nodenext",
  moduleDetection: "force",
  types: ["node"],
  typeRoots: [join(root, "node_modules", "@types")],
  rootDir: root,
  strict: true,
  skipLibCheck: true,
  newLine: "lf",
};

/** What the compiler says about all examples; it writes their JavaScript beside them all the same. */
function compile(files: readonly string[]): string {
  const project = join(root, output, "readme-examples.json");
  mkdirSync(join(root, output), { recursive: true });
  writeFileSync(project, JSON.stringify({ compilerOptions, files }));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  return spawnSync(process.execPath, [tsc, "-p", project, "--pretty", "false"], {
    cwd: root,
  }).stdout.toString();
}

describe("the example in the README", () => {
  let diagnostics = "";

  beforeAll(() => {
    const files = examples.flatMap(({ folder, code }) => {
      if (code === undefined) return [];
      const file = join(root, folder, output, "readme.ts");
      mkdirSync(join(root, folder, output), { recursive: true });
      writeFileSync(file, code);
      return [file];
    });
    diagnostics = compile(files);
  });

  afterAll(() => {
    for (const { folder } of examples) {
      for (const file of ["readme.ts", "readme.js"]) {
        rmSync(join(root, folder, output, file), { force: true });
      }
    }
  });

  test.each(examples)("of $name compiles, runs and prints", ({ folder, code }) => {
    expect(code, `${folder}/README.md needs a \`\`\`ts block`).toBeDefined();
    const errors = diagnostics.split("\n").filter((line) => line.startsWith(`${folder}/`));
    expect(errors).toEqual([]);
    const script = join(root, folder, output, "readme.js");
    const printed = execFileSync(process.execPath, [script], { cwd: join(root, folder) });
    expect(printed.toString().trim()).not.toBe("");
  });
});
