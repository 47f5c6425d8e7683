import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { serveQdrant } from "../packages/search/src/fixtures/qdrant-server/serve.mjs";

const script = fileURLToPath(new URL("test-qdrant.mjs", import.meta.url));

/** Not spawnSync: the server that is asked is in this process. */
async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [script, ...args]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (output += part.toString()));
  const code = await new Promise<number | null>((resolve) => void child.on("close", resolve));
  return { code, output };
}

test("pnpm test:qdrant asks the server that it is given, with its key, and leaves nothing", async () => {
  const lines: string[] = [];
  const server = await serveQdrant({ apiKey: "secret", onRequest: (line) => lines.push(line) });
  try {
    const { code, output } = await run(server.url, "--api-key", "secret");
    expect(output).toMatch(/Tests.*\d+ passed/u);
    expect(code).toBe(0);
    const made = lines.flatMap((line) => /^PUT \/collections\/([^/]+)$/u.exec(line)?.[1] ?? []);
    const removed = new Set(lines.flatMap((line) => /^DELETE \/collections\/([^/]+)$/u.exec(line)?.[1] ?? []));
    expect(made.length).toBeGreaterThan(10);
    expect(made.filter((name) => !removed.has(name))).toEqual([]);
  } finally {
    await server.close();
  }
});

test("pnpm test:qdrant says how it is used", async () => {
  const none = await run();
  expect([none.code, none.output]).toEqual([2, expect.stringContaining("Usage: pnpm test:qdrant URL")]);
  expect((await run("not a url")).code).toBe(2);
});
