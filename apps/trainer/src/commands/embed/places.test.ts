import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { commands } from "../index.ts";
import { makePictures, writeNano, writeTars } from "./fixtures/picture-shards.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-embed-places-"));
const at = (...names: string[]): string => join(folder, ...names);
const fixtures = fileURLToPath(new URL("../../../../../packages/data/src/fixtures/shards", import.meta.url));
const model = at("model");
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));
const embed = (...argv: string[]) => run("embed", model, ...argv, "--engine", "cpu");
/** What the server does not give away. */
const forbidden = new Set<string>();
const server = createServer(async (request, response) => {
  const name = (request.url ?? "").slice(1).replace(/\?.*$/, "");
  const body = await readFile(at("tars", name)).catch(() => undefined);
  const code = body === undefined ? 404 : forbidden.has(name) && request.method === "GET" ? 403 : 200;
  response.writeHead(code, { "content-length": String(code === 200 ? body?.length : 0), etag: '"1"' });
  response.end(request.method === "HEAD" || code !== 200 ? undefined : body);
});
let address = "";

beforeAll(async () => {
  await writeNano(model, 1);
  await writeTars(at("tars"), await makePictures(50), 20);
  await embed(at("tars"), "-o", at("here/"), "--what", "both");
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await useEngine("cpu");
  rmSync(folder, { recursive: true });
});

/** The bytes of what shards gave. */
const filesOf = (output: string, names: readonly string[]): string[] =>
  names.flatMap((name) =>
    ["npy", "text.npy", "keys.jsonl"].map((ending) => readFileSync(at(output, `${name}.${ending}`)).toString("base64")),
  );

const shards = ["00000", "00001", "00002"];

test("shards at http:// give what they give on disk, also behind a query", async () => {
  for (const [output, query] of [
    ["there", ""],
    ["signed", "?sig=a/b"],
  ] as const) {
    const words = [`${address}/{00000..00002}.tar${query}`, "--cache", at(`cache-${output}`), "--what", "both"];
    const { result, stderr } = await embed(...words, "-o", at(`${output}/`));
    expect([result, stderr]).toEqual([0, expect.stringContaining("wrote [50, 8]")]);
    expect(filesOf(output, shards)).toEqual(filesOf("here", shards));
  }
});

test("a shard that cannot be opened is named, the others are done, and the same command tries it again", async () => {
  forbidden.add("00001.tar");
  const words = [`${address}/{00000..00002}.tar`, "--cache", at("cache-2"), "--what", "both", "-o", at("refused/")];
  const { result, stderr } = await embed(...words);
  expect(result).toBe(1);
  expect(stderr).toMatch(/00001 cannot be opened: .*403/);
  expect(stderr).toMatch(/1 shards could not be opened, the first: 00001: .*The others are done/);
  expect(filesOf("refused", ["00000", "00002"])).toEqual(filesOf("here", ["00000", "00002"]));
  forbidden.clear();
  const again = await embed(...words);
  expect([again.result, again.stderr]).toEqual([0, expect.stringContaining("2 of 3 shards are finished")]);
  expect(filesOf("refused", shards)).toEqual(filesOf("here", shards));
});

test.each(["snappy.parquet", "mds"])("%s gives what its samples give as tars", async (name) => {
  expect((await run("data", "prepare", join(fixtures, name), "-o", at(`${name}-tars`))).result).toBe(0);
  const words = ["--what", "both", "--batch", "64"];
  expect((await embed(at(`${name}-tars`), "-o", at(`${name}-of-tars/`), ...words)).result).toBe(0);
  const { result, stderr } = await embed(join(fixtures, name), "-o", at(`${name}-direct/`), ...words);
  expect([result, stderr]).toEqual([0, expect.stringContaining("wrote [")]);
  for (const output of ["of-tars", "direct"]) {
    expect((await run("embed", "--join", at(`${name}-${output}`), "-o", at(`${name}-${output}.npy`))).result).toBe(0);
  }
  const [direct, prepared] = ["direct", "of-tars"].map((output) => readFileSync(at(`${name}-${output}.npy`)));
  expect(direct?.length).toBeGreaterThan(128);
  expect(direct?.equals(prepared ?? Buffer.of())).toBe(true);
});

test("--caption names the text that is embedded, of tars too", async () => {
  const tar = join(fixtures, "00000.tar");
  const words = ["--what", "text", "--cache", at("cache-3")];
  expect((await embed(tar, "-o", at("urls/"), "--caption", "json.url", ...words)).result).toBe(0);
  expect((await embed(tar, "-o", at("usual/"), ...words)).result).toBe(0);
  const [urls, usual] = ["urls", "usual"].map((output) => readFileSync(at(output, "00000.text.npy")));
  expect(urls?.equals(usual ?? Buffer.of())).toBe(false);
});
