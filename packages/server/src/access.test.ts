import { afterAll, beforeAll, expect, test } from "vitest";
import { createServer, type ServerOptions } from "./create-server.ts";
import type { ServedModel } from "./features.ts";
import { nanoModel, post, serve } from "./fixtures/serve-nano.ts";

let model: ServedModel;
beforeAll(async () => {
  model = await nanoModel();
});
afterAll(() => model.embedder.dispose());

const token = "a-token-of-some-length";
const request = (path: string, headers: Record<string, string> = {}, method = "GET"): Request =>
  new Request(`http://127.0.0.1${path}`, { method, headers });
const make = (options: Partial<ServerOptions>) => createServer({ model, name: "nano", ...options });

test("a token is asked for everywhere but at health", async () => {
  const { fetch } = await make({ token });
  const statuses = async (headers: Record<string, string>): Promise<number[]> => {
    const paths = ["/v1/models", "/metrics", "/openapi.json", "/nothing", "/health"];
    return Promise.all(paths.map(async (path) => (await fetch(request(path, headers))).status));
  };
  const wrong = ["", "Bearer", "Bearer ", `Basic ${token}`, `Bearer ${token}x`, `Bearer ${token.slice(1)}`, token];
  for (const authorization of wrong) {
    expect(await statuses({ authorization }), authorization).toEqual([401, 401, 401, 401, 200]);
  }
  expect(await statuses({ authorization: `Bearer ${token}` })).toEqual([200, 200, 200, 404, 200]);
});

test("a server that other machines reach needs a token, or has to be told that it needs none", async () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.5", "example.com", "127.evil.example"]) {
    await expect(make({ host }), host).rejects.toMatchObject({ code: "bad-argument", message: /--no-token/ });
  }
  for (const options of [{ host: "0.0.0.0", token }, { host: "::", allowsNoToken: true }, { host: "::1" }]) {
    expect((await make(options)).host).toBe(options.host);
  }
  for (const bad of ["short", "with space in it", "line\nbreak-and-more", ""]) {
    await expect(make({ token: bad }), bad).rejects.toMatchObject({ code: "bad-argument" });
  }
});

test("beyond loopback any name will do, unless some are named", async () => {
  const anyName = await make({ host: "0.0.0.0", token });
  const named = await make({ host: "0.0.0.0", token, hosts: ["Clip.example"] });
  const proxied = await make({ hosts: ["clip.example"] });
  const ask = async ({ fetch }: typeof named, host: string) => (await fetch(request("/health", { host }))).status;
  expect(await ask(anyName, "whatever.example")).toBe(200);
  expect([await ask(named, "clip.example:80"), await ask(named, "127.0.0.1")]).toEqual([200, 403]);
  expect([await ask(proxied, "clip.example"), await ask(proxied, "other.example")]).toEqual([200, 403]);
});

test("pages of other origins read nothing, unless theirs is named", async () => {
  const closed = await make({});
  const open = await make({ corsOrigins: ["https://page.example"], token });
  const preflight = { origin: "https://page.example", "access-control-request-method": "POST" };
  const headers = async ({ fetch }: typeof open, origin: string, method: string) =>
    (await fetch(request("/v1/embeddings", { ...preflight, origin }, method))).headers.get(
      "access-control-allow-origin",
    );
  expect(await headers(closed, "https://page.example", "OPTIONS")).toBeNull();
  expect(await headers(open, "https://page.example", "OPTIONS")).toBe("https://page.example");
  expect(await headers(open, "https://other.example", "OPTIONS")).toBeNull();
  expect(await headers(open, "https://page.example", "POST")).toBe("https://page.example");
});

test("answers may not be framed, run or kept", async () => {
  const running = await serve(model);
  for (const response of [await fetch(`${running.url}/health`), await post(`${running.url}/v1/embeddings`, {})]) {
    const { headers } = response;
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("server") ?? headers.get("x-powered-by")).toBeNull();
  }
  await running.close();
});
