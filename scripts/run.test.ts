import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { capture, root, tool, toolOf } from "./run.mjs";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-run-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("arguments and folders reach a program letter by letter, whatever a shell would make of them", async () => {
  const odd = join(folder, "a b & $HOME 'c' %PATH%");
  mkdirSync(odd);
  const args = ["two words", "$HOME", "a&b", "%PATH%", "'", "*", ""];
  const script = "console.log(JSON.stringify([process.cwd(), ...process.argv.slice(1)]))";
  const { ok, output } = await capture([process.execPath, "-e", script, "--", ...args], {
    folder: odd,
  });
  expect(ok).toBe(true);
  expect(JSON.parse(output)).toEqual([realpathSync(odd), ...args]);
});

test.each(["tsc", "oxfmt", "oxlint", "knip", "sherif", "size-limit", "changeset", "publint"])(
  "%s is started by this Node",
  async (name) => {
    const [program, script] = tool(name);
    expect(program).toBe(process.execPath);
    expect(realpathSync(script ?? "")).toContain("node_modules");
  },
);

test("a program of one package's own dependencies runs; one that nobody brings is named", async () => {
  const { ok, output } = await capture(toolOf(join(root, "apps", "demo"), "vite", "--version"));
  expect({ ok, output }).toEqual({ ok: true, output: expect.stringMatching(/^vite\/\d/u) });
  expect(() => tool("no-such-program")).toThrow(/No dependency of .* has a program no-such-program/u);
});

test("a program that does not exist is a failure, not a crash", async () => {
  const { ok, output } = await capture([join(folder, "none")]);
  expect(ok).toBe(false);
  expect(output).toContain("ENOENT");
});
