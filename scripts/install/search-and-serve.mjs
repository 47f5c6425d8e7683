// @ts-check
// An installed command line: an index of a few pictures, a search in it, and a server that answers.
import { spawn } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runInstalled } from "./command-line.mjs";

/** @typedef {import("./managers.mjs").Place} Place */

const pictures = fileURLToPath(new URL("../../packages/node/src/fixtures/images", import.meta.url));

/**
 * @param {string} program
 * @param {Place} place
 * @returns {Promise<readonly string[]>} what is wrong
 */
async function search(program, place) {
  const line = [program, "search", "a red square", "--index", "pictures.index", "--all", "--json", "-"];
  const { ok, output } = await runInstalled(line, place);
  const found = /"hits":\s*\[\s*\{/u.test(output);
  return ok && found ? [] : [`${line.join(" ")}\n${output}`];
}

/**
 * Asks a server for its health, an embedding and a search.
 * @param {string} address
 * @returns {Promise<readonly string[]>}
 */
async function ask(address) {
  const problems = [];
  /** @type {readonly (readonly [string, object | undefined, RegExp])[]} */
  const questions = [
    ["/health", undefined, /ok/u],
    ["/v1/embeddings", { model: "tiny", input: ["a red square"] }, /"embedding":\[/u],
    ["/v1/search", { query: "a red square", all: true }, /"data":\[\{/u],
  ];
  for (const [path, body, expected] of questions) {
    const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(address + path, body && post);
    const text = await response.text();
    if (!response.ok || !expected.test(text)) problems.push(`${path}: ${response.status} ${text.slice(0, 500)}`);
  }
  return problems;
}

/**
 * Starts a server, asks it and stops it.
 * @param {string} program
 * @param {Place} place
 * @returns {Promise<readonly string[]>}
 */
async function serve(program, place) {
  const path = join(place.folder, "node_modules", ".bin", program);
  const words = ["serve", "runs/tiny", "--index", "pictures.index", "--port", "0"];
  const child = spawn(path, words, { cwd: place.folder, env: place.env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const exit = new Promise((resolve) => child.once("exit", resolve));
  const address = await new Promise((resolve) => {
    /** @param {Buffer} chunk */
    const hear = (chunk) => {
      said += chunk.toString();
      const [found] = /http:\/\/127\.0\.0\.1:\d+/u.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    void exit.then(() => resolve(undefined));
  });
  if (typeof address !== "string") return [`serve\n${said}`];
  const problems = await ask(address).catch((error) => [`serve\n${error}\n${said}`]);
  child.kill("SIGTERM");
  const code = await exit;
  return code === 0 ? problems : [...problems, `serve ended with ${code}\n${said}`];
}

/**
 * Indexes pictures with the model that was trained in the folder, searches them and serves both.
 * @param {string} program
 * @param {Place} place
 * @returns {Promise<readonly string[]>} what is wrong
 */
export async function searchAndServe(program, place) {
  cpSync(pictures, join(place.folder, "pictures"), { recursive: true });
  const line = [program, "index", "runs/tiny", "pictures", "-o", "pictures.index"];
  const { ok, output } = await runInstalled(line, place);
  if (!ok) return [`${line.join(" ")}\n${output}`];
  return [...(await search(program, place)), ...(await serve(program, place))];
}
