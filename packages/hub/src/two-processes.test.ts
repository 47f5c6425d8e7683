import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { answerTo, startLocalHub, type Answer, type LocalHub } from "@clip-ts/test-utils";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { config, damageOf, startTrial, weights, weightsHash, type Trial } from "./fixtures/hostile.ts";
import { sizeAt } from "./fetch-blob.ts";

const script = fileURLToPath(new URL("fixtures/download-model.mjs", import.meta.url));
const isBuilt = existsSync(new URL("../dist/download-model.js", import.meta.url));
if (!isBuilt) console.warn("Skipped: tests of several processes need the built packages (pnpm build).");

let hub: LocalHub;
let trial: Trial;
let children: ChildProcess[];
let release: () => void;
beforeEach(async () => {
  children = [];
  hub = await startLocalHub();
  trial = await startTrial(hub.endpoint);
  const files = new Map([["config.json", config]]).set("model.safetensors", weights);
  hub.repositories.set("owner/name", { files });
  answerTo(hub, store, slowly);
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await hub.close();
  await rm(trial.root, { recursive: true });
});

/** The weights from where they are asked for, in half a second. */
const slowly: Answer = (request, response) => {
  let sent = begin(request, response);
  const timer = setInterval(() => {
    response.write(weights.subarray(sent, sent + 15_000));
    sent += 15_000;
    if (sent < weights.byteLength) return;
    clearInterval(timer);
    response.end();
  }, 25);
  response.on("close", () => clearInterval(timer));
};

/** The first 60,000 bytes, and the others once they are let go. */
const held: Answer = (request, response) => {
  begin(request, response);
  response.write(weights.subarray(0, 60_000));
  release = () => response.end(weights.subarray(60_000));
};

/** Notes a request and sends the head of its answer. @returns where the answer starts. */
function begin(...[request, response]: Parameters<Answer>): number {
  hub.requests.push(`store ${request.headers.range}`);
  const start = Number(/^bytes=(\d+)-/u.exec(request.headers.range ?? "")?.[1] ?? 0);
  response.writeHead(start > 0 ? 206 : 200, {
    "content-length": weights.byteLength - start,
    ...(start > 0 && { "content-range": `bytes ${start}-299999/300000` }),
  });
  return start;
}

/** A process that has loaded everything and waits for a line. */
async function ready(timeout = "5000"): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script, hub.endpoint, trial.cache, timeout], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  await once(child.stdout, "data");
  return child;
}

/** What a process says became of it. */
async function outcome(child: ChildProcess): Promise<string> {
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  await once(child, "exit");
  return line.toString().trim();
}

const store = /GET \/store\//u;
const listing = /GET \/api\//u;
const partial = (): string => join(trial.blobs, `${weightsHash}.incomplete`);
const patient = { timeout: 20_000 };
const stored = (): string[] => hub.requests.filter((line) => line.startsWith("store"));

describe.skipIf(!isBuilt)("processes that want the same model at once", () => {
  test("all get it, and it is fetched once", async () => {
    await Promise.all([ready(), ready(), ready()]);
    const outcomes = children.map(outcome);
    for (const child of children) child.stdin!.write("go\n");
    const said = await Promise.all(outcomes);
    const folder = said[0]?.replace("folder ", "") ?? "";
    expect(said).toEqual(said.map(() => `folder ${folder}`));
    expect((await readFile(join(folder, "model.safetensors"))).equals(weights)).toBe(true);
    expect(stored()).toEqual(["store undefined"]);
    expect(await damageOf(trial)).toEqual([]);
    expect((await readdir(trial.blobs)).filter((name) => name.includes("incomplete"))).toEqual([]);
  }, 60_000);

  test("go on where one of them was killed", async () => {
    const [first, second] = await Promise.all([ready("60000"), ready()]);
    answerTo(hub, store, held, 1);
    first.stdin!.write("go\n");
    await expect.poll(() => sizeAt(partial()), patient).toBe(60_000);
    const said = outcome(second);
    second.stdin!.write("go\n");
    await expect.poll(() => hub.requests.filter((line) => listing.test(line)), patient).toHaveLength(2);
    first.kill("SIGKILL");
    expect(await said).toMatch(/^folder /u);
    expect(stored()).toEqual(["store undefined", "store bytes=60000-"]);
    expect(await damageOf(trial)).toEqual([]);
  }, 60_000);

  test.skipIf(process.platform === "win32")(
    "do not wait for ever for one that was stopped",
    async () => {
      const [first, second] = await Promise.all([ready("60000"), ready("300")]);
      answerTo(hub, store, held, 1);
      first.stdin!.write("go\n");
      await expect.poll(() => sizeAt(partial()), patient).toBe(60_000);
      first.kill("SIGSTOP");
      const said = outcome(second);
      second.stdin!.write("go\n");
      expect(await said).toMatch(/^folder /u);
      const others = outcome(first);
      first.kill("SIGCONT");
      release();
      expect(await others).toMatch(/^folder /u);
      expect(stored()).toEqual(["store undefined", "store undefined"]);
      expect(await damageOf(trial)).toEqual([]);
    },
    60_000,
  );
});
