// The development server: it starts the page, and serves @clip-ts/web, whose decoding must equal Node's.
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { clipPreprocess, preprocessToPixels, toRgb, type Pixels } from "@clip-ts/image";
import { decodeImage } from "@clip-ts/node";
import type * as Web from "@clip-ts/web";
import type { Browser, Page } from "playwright-core";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createServer, type ViteDevServer } from "vite";
import { hasChromium, launchChromium, writeRandomModel } from "./test-page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = fileURLToPath(new URL("../../../packages/web/src/index.ts", import.meta.url));

interface StoredFile {
  readonly name: string;
  readonly file: string;
}

/** Files of every mode, and damaged ones, from the tests of packages/node. */
const fixture = JSON.parse(
  readFileSync(new URL("../../../packages/node/src/fixtures/images-by-mode.json", import.meta.url), "utf8"),
) as { readonly images: readonly StoredFile[]; readonly damaged: readonly StoredFile[] };

let folder = "";
let server: ViteDevServer;
let browser: Browser;
let page: Page;

/** The package, as the page below hands it to the tests. */
declare const web: typeof Web;

type Decoded = Omit<Pixels, "data"> & { readonly data: number[] };

/** Decodes a file in the browser. */
function decodeInPage(file: Buffer, type: string, honourExif = false): Promise<Decoded> {
  const sent = { base64: file.toString("base64"), type, honourExif };
  return page.evaluate(async ({ base64, type, honourExif }) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const pixels = await web.decodeImage(new File([bytes], "a file", { type }), { honourExif });
    return { ...pixels, data: [...pixels.data] };
  }, sent);
}

/** Decodes many files in the browser; gives the message of what is refused. */
async function decodeAllInPage(files: readonly StoredFile[]): Promise<(Pixels | string)[]> {
  const results = await page.evaluate(async (sent) => {
    const decodeOne = async ({ file }: StoredFile): Promise<Decoded | string> => {
      const bytes = Uint8Array.from(atob(file), (character) => character.charCodeAt(0));
      try {
        const pixels = await web.decodeImage(new Blob([bytes]));
        return { ...pixels, data: [...pixels.data] };
      } catch (error) {
        return String(error);
      }
    };
    const decoded: (Decoded | string)[] = [];
    for (const one of sent) decoded.push(await decodeOne(one));
    return decoded;
  }, files);
  return results.map((result) =>
    typeof result === "string" ? result : { ...result, data: Uint8Array.from(result.data) },
  );
}

/** Whether the browser gives the bytes that Node gives. */
async function expectSameBytes(file: Buffer, type: string, honourExif = false): Promise<Decoded> {
  const inNode = await decodeImage(file, "the image", { honourExif });
  const inPage = await decodeInPage(file, type, honourExif);
  const pixels = { ...inPage, data: Uint8Array.from(inPage.data) };
  const comparable = inNode.channels === 4 ? pixels : toRgb(pixels);
  expect([pixels.width, pixels.height]).toEqual([inNode.width, inNode.height]);
  const expected = inNode.channels === 1 ? toRgb(inNode) : inNode;
  expect(Buffer.from(comparable.data).equals(expected.data)).toBe(true);
  return inPage;
}

/** Colours and alphas of every kind; not one pixel like its neighbour. */
function noise(width: number, height: number, channels: 1 | 3 | 4): Sharp {
  const data = Uint8Array.from(
    { length: width * height * channels },
    (_, index) => (index * 7919 + (index >> 3) * 31) % 256,
  );
  return sharp(data, { raw: { width, height, channels } });
}

describe.skipIf(!hasChromium())("the development server", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "clip-ts-vite-"));
    server = await createServer({
      root,
      cacheDir: join(folder, "cache"),
      logLevel: "warn",
      server: { port: 0, host: "127.0.0.1" },
    });
    await server.listen();
    browser = await launchChromium();
    page = await browser.newPage();
    const script = `import * as web from "/@fs${source}"; globalThis.web = web;`;
    const body = `<!doctype html><title>web</title><script type="module">${script}</script>`;
    await page.route("**/web.html", (route) => route.fulfill({ contentType: "text/html", body }));
    await page.goto(`${server.resolvedUrls?.local[0]}web.html`);
    await page.waitForFunction("globalThis.web");
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("the page starts on a development server that has never run before", async () => {
    process.env["CLIP_MODEL"] = await writeRandomModel(join(folder, "model"));
    const demo = await browser.newPage();
    await demo.goto(server.resolvedUrls?.local[0] ?? "");
    await demo.getByText("Loaded in").waitFor();
    await demo.close();
    delete process.env["CLIP_MODEL"];
  });

  test("PNG files give the bytes that Node gives, colours under alpha included", async () => {
    for (const channels of [1, 3, 4] as const) {
      await expectSameBytes(await noise(37, 21, channels).png().toBuffer(), "image/png");
    }
  });

  test("PNG, GIF, BMP and PPM files of every mode give the pixels that Node gives, ready for a model", async () => {
    const files = fixture.images.filter(({ name }) => /^(?:apng|bmp|gif|png|ppm)/u.test(name));
    expect(files.length).toBeGreaterThan(80);
    const decoded = await decodeAllInPage(files);
    for (const [index, { name, file }] of files.entries()) {
      const inNode = await decodeImage(Buffer.from(file, "base64"), name);
      const inPage = decoded[index];
      if (typeof inPage !== "object") throw new Error(`${name}: ${inPage}`);
      expect(toRgb(inPage), name).toEqual(toRgb(inNode));
      for (const convertRgb of ["before-resize", "after-resize"] as const) {
        const config = { ...clipPreprocess(24), convertRgb };
        const expected = preprocessToPixels(inNode, config);
        expect(preprocessToPixels(inPage, config), name).toEqual(expected);
      }
    }
  });

  test("damaged files of these formats are refused where Node refuses them, or read alike", async () => {
    const files = fixture.damaged.filter(({ name }) => /(?:apng|bmp|gif|png|ppm)/u.test(name));
    expect(files.length).toBeGreaterThan(30);
    const decoded = await decodeAllInPage(files);
    for (const [index, { name, file }] of files.entries()) {
      const inPage = decoded[index];
      if (typeof inPage !== "object") continue; // refused
      const inNode = await decodeImage(Buffer.from(file, "base64"), name);
      expect(toRgb(inPage), name).toEqual(toRgb(inNode));
    }
  });

  test("WebP files with alpha give the bytes that Node gives", async () => {
    const lossless = await noise(37, 21, 4).webp({ lossless: true, exact: true }).toBuffer();
    await expectSameBytes(lossless, "image/webp");
  });

  test("EXIF orientation is ignored as in Node, and honoured when asked", async () => {
    const rotated = noise(48, 32, 3).withMetadata({ orientation: 6 });
    for (const [file, type] of [
      [await rotated.clone().jpeg({ chromaSubsampling: "4:4:4" }).toBuffer(), "image/jpeg"],
      [await rotated.clone().png().toBuffer(), "image/png"],
    ] as const) {
      expect(await expectSameBytes(file, type)).toMatchObject({ width: 48, height: 32 });
      expect(await expectSameBytes(file, type, true)).toMatchObject({ width: 32, height: 48 });
    }
  });

  test("colour profiles are not applied", async () => {
    const wide = await noise(16, 16, 3).withIccProfile("p3").png().toBuffer();
    await expectSameBytes(wide, "image/png");
  });

  test("canvases, bitmaps and image data are images too", async () => {
    const kinds = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(2, 1);
      const context = canvas.getContext("2d");
      context?.fillRect(0, 0, 1, 1);
      const bitmap = await createImageBitmap(canvas);
      const images = [canvas, bitmap, context?.getImageData(0, 0, 2, 1)];
      const decoded = await Promise.all(images.map((image) => web.decodeImage(image!)));
      return decoded.map(({ data, width, height }) => [...data, width, height].join(" "));
    });
    expect(new Set(kinds)).toEqual(new Set(["0 0 0 255 0 0 0 0 2 1"]));
  });

  test("what is no image is refused by name", async () => {
    const file = Buffer.from("no image");
    await expect(decodeInPage(file, "image/png")).rejects.toThrow(/a file is not an image that this browser can read/u);
  });
});
