import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { fetchOptionalBytes, fetchOptionalText, type FetchProgress } from "./fetch.ts";

const servers: Server[] = [];

function stopServers(): void {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
}

afterEach(stopServers);

/** Starts a real server; the address of a file on it. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model/file`;
}

test("a file comes whole, with the progress of every piece", async () => {
  const pieces = [Uint8Array.of(1, 2, 3), new Uint8Array(100_000).fill(7), Uint8Array.of(9)];
  const url = await serve((_, response) => {
    response.setHeader("content-length", 100_004);
    for (const piece of pieces) response.write(piece);
    response.end();
  });
  const heard: FetchProgress[] = [];
  const bytes = await fetchOptionalBytes(url, { onProgress: (progress) => heard.push(progress) });
  expect(Buffer.concat(pieces).equals(bytes as Uint8Array)).toBe(true);
  expect(heard.at(-1)).toEqual({ file: "file", loadedBytes: 100_004, totalBytes: 100_004 });
  const loaded = heard.map(({ loadedBytes }) => loadedBytes);
  expect(loaded).toEqual(loaded.toSorted((a, b) => a - b));
});

test("a file of unknown length comes whole", async () => {
  const url = await serve((_, response) => {
    for (let piece = 0; piece < 50; piece++) response.write(Buffer.alloc(1000, piece));
    response.end();
  });
  const heard: FetchProgress[] = [];
  const bytes = await fetchOptionalBytes(url, { onProgress: (progress) => heard.push(progress) });
  expect(bytes).toHaveLength(50_000);
  expect(bytes?.[49_999]).toBe(49);
  expect(heard.at(-1)).toEqual({ file: "file", loadedBytes: 50_000 });
});

test("a download that breaks off says how far it came", async () => {
  const url = await serve((_, response) => {
    response.setHeader("content-length", 1000);
    response.write(Buffer.alloc(400), () => setTimeout(() => response.destroy(), 20));
  });
  await expect(fetchOptionalBytes(url)).rejects.toMatchObject({
    code: "bad-weights",
    message: `${url}: the download broke off after 400 of 1000 bytes; fetch it again.`,
  });
});

test("a missing file is undefined, and so is another's page in its place", async () => {
  const url = await serve((_, response) => {
    response.statusCode = 404;
    response.end("nothing here");
  });
  expect(await fetchOptionalBytes(url)).toBeUndefined();
  expect(await fetchOptionalText(url)).toBeUndefined();
  const page = await serve((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html>");
  });
  expect(await fetchOptionalBytes(page)).toBeUndefined();
  expect(await fetchOptionalText(page)).toBeUndefined();
});

test("a server in trouble is no missing file", async () => {
  const url = await serve((_, response) => {
    response.statusCode = 503;
    response.end();
  });
  await expect(fetchOptionalText(url)).rejects.toThrow(/503 Service Unavailable/);
});

test("a server that is not there is named", async () => {
  const url = await serve(() => undefined);
  stopServers();
  await expect(fetchOptionalText(url)).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringContaining(`${url}: the server cannot be reached`),
  });
});

test("a download can be given up", async () => {
  const abort = new AbortController();
  const url = await serve((_, response) => {
    response.write("a", () => abort.abort());
  });
  await expect(fetchOptionalBytes(url, { signal: abort.signal })).rejects.toMatchObject({
    name: "AbortError",
  });
});
