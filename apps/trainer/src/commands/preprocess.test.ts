import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clipPreprocess } from "@clip-ts/image";
import { formatClipConfig, preset } from "@clip-ts/model";
import { captureOutput } from "@clip-ts/test-utils";
import { bytesSource, openSafetensors, toFloat32 } from "@clip-ts/weights";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-preprocess-"));
afterAll(() => rm(folder, { recursive: true }));
const output = join(folder, "out.safetensors");
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, ["preprocess", ...argv, "-o", output]));

interface Case {
  readonly width: number;
  readonly height: number;
  readonly size: number;
  readonly input_sha256: string;
  readonly shortest_crop_u8_sha256: string;
}

const { cases } = JSON.parse(
  await readFile(new URL("../../../../packages/image/src/fixtures/preprocess.json", import.meta.url), "utf8"),
) as { readonly cases: readonly Case[] };

/** The RGB image that the reference file describes by a formula. */
function formulaImage({ width, height }: { width: number; height: number }): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const tile = 90 * ((Math.floor(x / 9) + Math.floor(y / 11)) % 2);
      for (let c = 0; c < 3; c++) data[at++] = 7 * x + 13 * y + 29 * c + 5 * ((x * y) % 17) + tile;
    }
  }
  return data;
}

/** A folder that describes a model of this image size. */
async function modelOf(size: number): Promise<string> {
  const model = join(folder, `model-${size}`);
  const config = preset("ViT-B/32");
  await mkdir(model, { recursive: true });
  await writeFile(
    join(model, "config.json"),
    JSON.stringify(formatClipConfig({ ...config, vision: { ...config.vision, imageSize: size } })),
  );
  return model;
}

async function readPixels(): Promise<{ shape: readonly number[]; values: Float32Array }> {
  const file = await openSafetensors(bytesSource(await readFile(output)));
  expect(file.names).toEqual(["pixel_values"]);
  const tensor = await file.read("pixel_values");
  return { shape: tensor.shape, values: toFloat32(tensor) };
}

/** Undoes the normalisation: the bytes [size, size, 3] that the model sees. */
function bytesOf(planes: Float32Array, size: number): Uint8Array {
  const { mean, std } = clipPreprocess(size);
  const bytes = new Uint8Array(planes.length);
  let furthest = 0;
  for (let pixel = 0; pixel < size * size; pixel++) {
    for (let c = 0; c < 3; c++) {
      const value = planes[c * size * size + pixel]! * std[c]! + mean[c]!;
      bytes[pixel * 3 + c] = Math.round(value * 255);
      furthest = Math.max(furthest, Math.abs(value * 255 - bytes[pixel * 3 + c]!));
    }
  }
  expect(furthest).toBeLessThan(1e-3); // whole bytes, so nothing was computed in between
  return bytes;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("PNG files become the bytes that Pillow makes of them", async () => {
  for (const { width, height, size, ...expected } of cases) {
    const data = formulaImage({ width, height });
    const path = join(folder, `${width}x${height}.png`);
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(path);
    const { result, stdout, stderr } = await run(await modelOf(size), path);
    expect([result, stdout]).toEqual([0, ""]);
    const last = stderr.split("\n").at(-2);
    expect(last).toBe(`wrote pixel_values [1, 3, ${size}, ${size}] to ${output}`);
    const { shape, values } = await readPixels();
    expect(shape).toEqual([1, 3, size, size]);
    const digest = sha256(bytesOf(values, size));
    expect(digest, path).toContain(expected.shortest_crop_u8_sha256);
  }
});

test("several images keep their order; a folder gives its images by name", async () => {
  const images = join(folder, "images");
  await mkdir(images);
  for (const [name, level] of Object.entries({ "b.png": 20, "a.png": 10 })) {
    const background = { r: level, g: level, b: level };
    await sharp({ create: { width: 4, height: 4, channels: 3, background } })
      .png()
      .toFile(join(images, name));
  }
  const model = await modelOf(32);
  await run(model, join(images, "b.png"), images);
  const { shape, values } = await readPixels();
  expect(shape).toEqual([3, 3, 32, 32]);
  const step = 3 * 32 * 32;
  const levels = [0, 1, 2].map((image) => bytesOf(values.subarray(image * step).slice(0, step), 32)[0]);
  expect(levels).toEqual([20, 10, 20]);
});

test("orientation tags count only with --exif", async () => {
  const path = join(folder, "turned.jpg");
  const left = { r: 255, g: 255, b: 255 };
  await sharp({ create: { width: 16, height: 32, channels: 3, background: left } })
    .extend({ right: 16, background: "black" })
    .withMetadata({ orientation: 6 }) // to be turned clockwise: left becomes top
    .jpeg({ quality: 100 })
    .toFile(path);
  const model = await modelOf(32);
  const corners = async (...options: string[]): Promise<boolean[]> => {
    await run(model, path, ...options);
    const { values } = await readPixels();
    const [topRight, bottomLeft] = [31, 31 * 32].map((pixel) => values[pixel]! > 0);
    return [topRight!, bottomLeft!];
  };
  expect(await corners()).toEqual([false, true]);
  expect(await corners("--exif")).toEqual([true, false]);
});

test("an unreadable, a missing and no image are errors that name the file", async () => {
  const model = await modelOf(32);
  const broken = join(folder, "broken.png");
  await writeFile(broken, "no image at all");
  const unreadable = await run(model, broken);
  expect(unreadable.result).toBe(1);
  expect(unreadable.stderr).toMatch(/broken\.png is not a readable image/);
  const missing = await run(model, join(folder, "gone.png"));
  expect(missing.result).toBe(1);
  expect(missing.stderr).toMatch(/no file or folder .*gone\.png/);
  const empty = join(folder, "empty");
  await mkdir(empty);
  expect((await run(model, empty)).stderr).toMatch(/no image in .*empty/);
  expect((await run(join(folder, "no-model"), broken)).stderr).toMatch(/no model in .*no-model/);
});
