// The command as users start it: a process of its own, ended by a signal.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { makePictures, writeNano, writePictures } from "../embed/fixtures/picture-shards.ts";
import { commands } from "../index.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-serve-"));
const at = (...names: string[]): string => join(folder, ...names);
const program = fileURLToPath(new URL("../../../bin/clip-ts.js", import.meta.url));
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));

beforeAll(async () => {
  await writeNano(at("model"), 1);
  writePictures(at("images"), await makePictures(12, () => false));
});
afterAll(async () => {
  await useEngine("cpu");
  rmSync(folder, { recursive: true });
});

interface Started {
  /** What follows a word at the start of a line of stdout. */
  readonly said: Readonly<Record<string, string>>;
  /** Ends it by a signal; its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts the command, and waits until it says how to try it. */
async function start(...argv: string[]): Promise<Started> {
  const child = spawn(process.execPath, [program, "serve", ...argv, "--port", "0"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const said: Record<string, string> = {};
  for await (const line of createInterface(child.stdout)) {
    const [word = "", ...rest] = line.split(/ +/u);
    said[word] = rest.join(" ");
    if (word === "try") return { said, end: (signal) => (child.kill(signal), exited) };
  }
  throw new Error(stderr);
}

test("pictures and captions get the vectors of embed, and a signal ends the server in order", async () => {
  const { said, end } = await start(at("model"), "--engine", "onnx", "--name", "tiny one");
  const url = said["listening"]?.replace("at ", "") ?? "";
  const files = Array.from({ length: 12 }, (_, number) => at("images", `${String(number).padStart(5, "0")}.jpg`));
  const input = files.map((file) => ({ image: readFileSync(file).toString("base64") }));
  const ask = async (body: object) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/v1/embeddings`, { method: "POST", headers, body: JSON.stringify(body) });
    return (await response.json()) as { readonly model: string; readonly data: { readonly embedding: number[] }[] };
  };
  const answer = await ask({ input });
  expect([answer.model, said["model"]]).toEqual(["tiny one", "tiny one"]);
  await run("embed", at("model"), at("images"), "-o", at("out.jsonl"), "--engine", "onnx");
  const lines = readFileSync(at("out.jsonl"), "utf8").trimEnd().split("\n");
  const wanted = lines.map((line) => (JSON.parse(line) as { readonly embedding: number[] }).embedding);
  for (const [at, { embedding }] of answer.data.entries()) {
    for (const [index, value] of embedding.entries()) expect(Math.abs(value - wanted[at]![index]!)).toBeLessThan(1e-6);
  }
  expect(await end("SIGTERM")).toBe(0);
  await expect(fetch(url)).rejects.toThrow("fetch failed");
});

test("a token of the environment is asked for, and never printed", async () => {
  process.env["CLIP_TS_TOKEN"] = "secret-of-the-environment";
  try {
    const { said, end } = await start(at("model"), "--engine", "cpu", "--host", "0.0.0.0");
    const url = said["listening"]?.replace("at ", "").replace("0.0.0.0", "127.0.0.1") ?? "";
    const status = async (authorization: string) =>
      (await fetch(`${url}/v1/models`, { headers: { authorization } })).status;
    expect([await status(""), await status("Bearer secret-of-the-environment")]).toEqual([401, 200]);
    expect(JSON.stringify(said)).not.toContain("secret-of");
    expect(said["try"]).toContain("$CLIP_TS_TOKEN");
    expect(await end("SIGINT")).toBe(0);
  } finally {
    delete process.env["CLIP_TS_TOKEN"];
  }
});

test("what makes no sense is refused before the server listens", async () => {
  const model = at("model");
  for (const [argv, code, said] of [
    [[model, "--port", "70000"], 2, "--port 70000"],
    [[model, "--cors", "https://a.example/path"], 2, "without a path"],
    [[model, "--token", "long-enough", "--no-token"], 2, "exclude each other"],
    [[model, "--show-paths"], 2, "needs --index"],
    [[model, "--batch", "0"], 2, "--batch"],
    [[model, "--host", "0.0.0.0", "--engine", "cpu"], 1, "--no-token"],
    [[model, "--token", "short", "--engine", "cpu"], 1, "at least 8"],
    [[at("nothing")], 1, "nothing"],
  ] as const) {
    const { result, stderr } = await run("serve", ...argv);
    expect([result, stderr], argv.join(" ")).toEqual([code, expect.stringContaining(said)]);
  }
});
