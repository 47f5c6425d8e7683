import { createServer as createHttp, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createGuardedSend, isPublicAddress } from "./addresses.ts";
import type { ServedModel } from "./features.ts";
import { nanoModel, picture, post, serve } from "./fixtures/serve-nano.ts";

test("only addresses of the public internet are connected to", () => {
  const own = [
    ["127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.100.100.200"],
    ["169.254.169.254", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16"],
    ["::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:a00:1", "::127.0.0.1"],
    ["64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:4136::", "2001:db8::1", "no address", ""],
  ].flat();
  expect(own.filter(isPublicAddress)).toEqual([]);
  expect(
    ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"].filter((each) => !isPublicAddress(each)),
  ).toEqual([]);
});

let model: ServedModel;
let site: Server;
let origin = "";
let answer: RequestListener = (_request, response) => void response.end();
const asked: string[] = [];
beforeAll(async () => {
  model = await nanoModel();
  site = createHttp((request, response) => {
    asked.push(request.url ?? "");
    answer(request, response);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
});
afterAll(() => {
  site.close();
  model.embedder.dispose();
});

/** Status and code, or the first value of the vector, that a server with this rule gives for a picture at an address. */
async function fetching(image: string, rule?: (address: string) => boolean): Promise<readonly unknown[]> {
  const running = await serve(model, {
    fetchesUrls: true,
    limits: { bodyBytes: 100_000 },
    ...(rule !== undefined && { addressRule: rule }),
  });
  try {
    const response = await post(`${running.url}/v1/embeddings`, { input: { image } });
    const body = (await response.json()) as { readonly error?: { readonly code: string }; readonly data?: unknown[] };
    return [response.status, body.error?.code ?? body.data?.length];
  } finally {
    await running.close();
  }
}

test("addresses of this machine and its network are refused before anything is sent", async () => {
  const { port } = site.address() as AddressInfo;
  asked.length = 0;
  const places = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, `[::ffff:127.0.0.1]:${port}`];
  const odd = [`2130706433:${port}`, `0x7f.1:${port}`, `017700000001:${port}`, `0:${port}`, "169.254.169.254/latest"];
  for (const place of [...places, ...odd]) {
    expect(await fetching(`http://${place}/cat.png`), place).toEqual([400, "address_refused"]);
  }
  expect(await fetching(`http://user:word@127.0.0.1:${port}/`)).toEqual([400, "bad_argument"]);
  expect(asked).toEqual([]);
});

test("a picture at an address that the rule allows is embedded; pages, floods and redirects elsewhere are not", async () => {
  const bytes = await picture(1);
  const here = (address: string): boolean => address === "127.0.0.1";
  const send = (status: number, headers: Record<string, string>, body: string | Buffer): void => {
    answer = (_request, response) => void response.writeHead(status, headers).end(body);
  };
  send(200, {}, bytes);
  expect(await fetching(`${origin}/cat.png`, here)).toEqual([200, 1]);
  send(200, { "content-type": "text/html" }, "<html>");
  expect(await fetching(`${origin}/page`, here)).toEqual([400, "bad_data"]);
  send(200, {}, Buffer.alloc(200_000));
  expect(await fetching(`${origin}/large`, here)).toEqual([400, "bad_data"]);
  send(302, { location: "http://[::1]:1/cat.png" }, "");
  expect(await fetching(`${origin}/elsewhere`, here)).toEqual([400, "address_refused"]);
  send(302, { location: "file:///etc/passwd" }, "");
  expect(await fetching(`${origin}/file`, here)).toEqual([400, "bad_data"]);
  asked.length = 0;
  send(302, { location: "/again" }, "");
  expect(await fetching(`${origin}/again`, here)).toEqual([400, "bad_data"]);
  expect(asked).toHaveLength(4); // the first, and three redirects
});

test("a name is resolved once, and the connection goes to what was checked", async () => {
  const seen: string[] = [];
  answer = (_request, response) => void response.end("found");
  const send = createGuardedSend((address) => (seen.push(address), address === "127.0.0.1" || address === "::1"));
  const { port } = site.address() as AddressInfo;
  const found = await send(`http://localhost:${port}/`, {}, 1000);
  expect(found.status).toBe(200);
  found.discard();
  expect(new Set(seen)).toContain("127.0.0.1");
  const refuse = createGuardedSend(() => false);
  await expect(refuse(`http://localhost:${port}/`, {}, 1000)).rejects.toMatchObject({
    data: { code: "address_refused" },
  });
});
