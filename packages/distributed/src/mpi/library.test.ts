import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { threadPoolAdvice } from "../threads.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-koffi-"));
afterAll(() => rmSync(folder, { recursive: true }));
const own = fileURLToPath(new URL("../..", import.meta.url));
const isBuilt = existsSync(join(own, "dist", "index.js"));
if (!isBuilt) console.warn("SKIPPED: tests of what is installed need the built packages (pnpm build).");

/** What a script says that joins, run in a folder of a package. */
function said(cwd: string, before: string): string {
  const script = `${before}; import("./dist/index.js").then(({ joinMpi }) => joinMpi()).catch(({ code, message }) => console.log(code, message))`;
  return spawnSync(process.execPath, ["-e", script], { cwd, encoding: "utf8", env: { ...process.env, NODE_PATH: "" } })
    .stdout;
}

describe.skipIf(!isBuilt)("koffi", () => {
  test("that is missing is named with the command that installs it", () => {
    for (const part of ["package.json", "dist"]) cpSync(join(own, part), join(folder, part), { recursive: true });
    mkdirSync(join(folder, "node_modules", "@clip-ts"), { recursive: true });
    symlinkSync(join(own, "node_modules/@clip-ts/base"), join(folder, "node_modules/@clip-ts/base"), "junction");
    expect(said(folder, "")).toMatch(/^engine-unavailable .*not installed: npm install koffi@3\.3\.4$/m);
  });

  test("that loaded a library before has too little stack for MPI", () => {
    const answer = said(own, 'require("koffi").load(null)');
    expect(answer).toMatch(
      /^engine-unavailable .* they have 131072, .*Call joinMpi before all else that uses koffi\.$/m,
    );
  });
});

test.each([
  { given: undefined, advice: expect.stringContaining("on 4 threads") },
  { given: "7", advice: expect.stringContaining("UV_THREADPOOL_SIZE=8 or more") },
  { given: "8", advice: undefined },
])("libuv's threads: $given", ({ given, advice }) => {
  expect(threadPoolAdvice({ UV_THREADPOOL_SIZE: given })).toEqual(advice);
});
