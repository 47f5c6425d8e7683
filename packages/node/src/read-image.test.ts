import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { useEngine } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listImages, readImageBytes } from "./list-images.ts";
import { openClip } from "./open-clip.ts";
import type { FetchImageOptions } from "@clip-ts/hub";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "./write-model.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-web-image-"));
const create = { width: 9, height: 9, channels: 3, background: "teal" } as const;
const picture = await sharp({ create }).png().toBuffer();

/** What was asked, and with which headers. */
const asked: { path: string; authorization: string | undefined }[] = [];
let left = 0;

const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  "/ok.png": (response) => response.writeHead(200, { "content-type": "image/png" }).end(picture),
  "/moved": (response) => response.writeHead(302, { location: "/ok.png" }).end(),
  "/round": (response) => response.writeHead(302, { location: "/round" }).end(),
  "/closed": (response) => response.writeHead(403).end(),
  "/page": (response) => response.writeHead(200, { "content-type": "text/html" }).end("<p>"),
  "/busy": (response) =>
    left-- > 0 ? response.writeHead(503, { "retry-after": "0" }).end() : response.writeHead(200).end(picture),
  "/cut": (response) => {
    response.writeHead(200, { "content-length": picture.length });
    if (left-- > 0) response.write(picture.subarray(0, 20), () => response.destroy());
    else response.end(picture);
  },
  "/silent": () => undefined,
  "/stalls": (response) => response.writeHead(200).write(picture.subarray(0, 20)),
  "/announced": (response) => response.writeHead(200, { "content-length": 3_000_000 }).write(picture),
  "/endless": (response) => {
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write(new Uint8Array(2 ** 16)));
    };
    response.on("drain", more);
    more();
  },
};

let server: Server;
let origin = "";
const quick: FetchImageOptions = {
  timeout: 300,
  retry: { retries: 2, firstWait: 1, longestWait: 4, patience: 3000 },
  mostBytes: 2 ** 20,
};
const read = (path: string, options: FetchImageOptions = {}): Promise<Uint8Array> =>
  readImageBytes(origin + path, { ...quick, ...options });

beforeAll(async () => {
  server = createServer(({ url = "", headers }, response) => {
    asked.push({ path: url, authorization: headers.authorization });
    (answers[url.replace(/\?.*$/u, "")] ?? ((other) => other.writeHead(404).end()))(response);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

test.each(["/ok.png", "/moved", "/ok.png?size=large"])("%s gives the bytes, no token sent", async (path) => {
  asked.length = 0;
  expect(Buffer.from(await read(path)).equals(picture)).toBe(true);
  expect(asked.every(({ authorization }) => authorization === undefined)).toBe(true);
});

test.each(["/busy", "/cut"])("what fails for a while is asked for again: %s", async (path) => {
  left = 2;
  const notices: string[] = [];
  const onNotice = (line: string): void => void notices.push(line);
  expect(Buffer.from(await read(path, { onNotice })).equals(picture)).toBe(true);
  expect(notices).toHaveLength(2);
  expect(notices[0]).toMatch(/Trying again in .* \(1 of 2\)/u);
});

test.each([
  ["/gone.png", /\/gone\.png answers 404: there is no such image/u],
  ["/closed", /answers 403: it is not open to everyone/u],
  ["/page", /answers with a page \(text\/html\), not with an image/u],
  ["/round", /sends on more than 10 times/u],
  ["/announced", /answers with more than 1 MiB/u],
  ["/endless", /answers with more than 1 MiB/u],
  ["/silent", /nothing came for 0\.3 s/u],
  ["/stalls", /nothing came for 0\.3 s/u],
])("%s is an error that names the address", async (path, message) => {
  await expect(read(path)).rejects.toThrow(message);
  await expect(read(path)).rejects.toThrow(`${origin}${path}`);
});

test("addresses that are none, hold a password or lead nowhere are refused", async () => {
  await expect(readImageBytes("http://", quick)).rejects.toThrow("is no address of an image");
  const secret = readImageBytes("https://me:s3cret@example.invalid/a.png", quick);
  await expect(secret).rejects.toThrow(/^https:\/\/example\.invalid: addresses with a user/u);
  await expect(readImageBytes("http://127.0.0.1:9/a.png", quick)).rejects.toThrow(/cannot be reached/u);
  await expect(readImageBytes(join(folder, "none.png"))).rejects.toThrow(/there is no such file/u);
});

test("an address stands among files, and openClip embeds what is there", async () => {
  const address = `${origin}/ok.png`;
  expect(await listImages([address])).toEqual({ images: [address], leftOut: [] });
  const config = preset("nano");
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(join(folder, "model"), description, initClip(config, 1));
  const clip = await openClip(join(folder, "model"), { engine: "cpu" });
  const [fetched, given] = [await clip.embedImages([address]), await clip.embedImages([picture])];
  expect(fetched.values).toEqual(given.values);
  await expect(clip.embedImages([`${origin}/gone.png`])).rejects.toThrow(/answers 404/u);
  clip.dispose();
});
