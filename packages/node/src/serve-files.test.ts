import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { expect, test } from "vitest";

/** A server of files on this machine. */
export interface FileServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** Every path that was asked for. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/**
 * Serves folders under the first part of the path, and `page` at the root. The headers allow threads in
 * the browser (cross-origin isolation).
 */
export async function serveFiles(folders: Readonly<Record<string, string>>, page: string): Promise<FileServer> {
  const asked: string[] = [];
  const read = async (path: string): Promise<Buffer> => {
    const [first = "", ...rest] = path.split("/").slice(1);
    if (first === "") return Buffer.from(page);
    if (!Object.hasOwn(folders, first)) throw new Error("There is no such folder.");
    return readFile(join(folders[first] as string, normalize(`/${rest.join("/")}`)));
  };
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    asked.push(path);
    const headers = {
      "Content-Type": types[extname(path)] ?? (path === "/" ? "text/html" : "application/octet-stream"),
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    };
    read(path).then(
      (bytes) => response.writeHead(200, headers).end(bytes),
      () => response.writeHead(404, headers).end(),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections();
        server.close((error) => (error === undefined ? resolve() : reject(error)));
      }),
  };
}

test("files are served from their folders and from nowhere else", async () => {
  const server = await serveFiles({ here: import.meta.dirname }, "<p>page</p>");
  const get = async (path: string): Promise<Response> => fetch(server.url + path);
  expect(await (await get("/")).text()).toBe("<p>page</p>");
  expect(await (await get("/here/serve-files.test.ts")).text()).toContain("serveFiles");
  expect((await get("/here/../../index.ts")).status).toBe(404);
  expect((await get("/there/x")).status).toBe(404);
  await server.close();
});
