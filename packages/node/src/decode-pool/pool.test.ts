import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CaptionJob, ImageJob } from "@clip-ts/data";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { base, closePools, drawn, imageJob, makePool, rowOf, size } from "../fixtures/trial-pools.ts";
import { createDecodePool, type DecodePoolOptions } from "./pool.ts";

const folder = mkdtempSync(join(tmpdir(), "decode-pool-"));
afterAll(() => rmSync(folder, { recursive: true }));

afterEach(closePools);

test("threads work through all that was handed out while the calling thread stands still", async () => {
  const pool = await makePool({ slots: 3, threads: 2 });
  const jpeg = await drawn(200, 200, 1).jpeg().toBuffer();
  const jobs = [...Array(40).keys()].map((row) => imageJob(jpeg, row));
  const slots = await Promise.all([0, 1, 2].map(() => pool.acquire(jobs.length)));
  for (const { pixels } of slots) expect(pixels.every((byte) => byte === 0)).toBe(true);
  const all = Promise.all(slots.map((slot) => pool.images(jobs, slot)));
  // The last pixel of each row, which is not black: looked at without leaving this turn of the event loop.
  const written = (): boolean => slots.every((slot) => jobs.every(({ row }) => rowOf(slot, row).at(-1) !== 0));
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let waits = 0; waits < 3000 && !written(); waits++) Atomics.wait(clock, 0, 0, 10);
  expect(written()).toBe(true);
  expect((await all).flat().filter((fault) => fault !== undefined)).toEqual([]);
});

test("what cannot be read is a fault that says why; the other rows are there", async () => {
  const pool = await makePool({ mode: "fast" });
  const jpeg = await drawn(400, 300, 1).jpeg().toBuffer();
  const path = join(folder, "short.jpg");
  writeFileSync(path, jpeg);
  const huge = join(folder, "huge.jpg");
  const handle = openSync(huge, "w");
  writeSync(handle, new Uint8Array(1), 0, 1, 65 * 2 ** 20);
  closeSync(handle);
  const at = (image: ImageJob["image"], row: number, key: string): ImageJob => ({ image, key, random: [key], row });
  const jobs = [
    at({ bytes: jpeg }, 0, "whole"),
    at({ bytes: jpeg.subarray(0, 2000) }, 1, "cut"),
    at({ bytes: new TextEncoder().encode("no image") }, 2, "text"),
    at({ bytes: new Uint8Array(0) }, 3, "empty"),
    at({ bytes: readFileSync(new URL("../fixtures/images/bomb.png", import.meta.url)) }, 4, "bomb"),
    at({ path: join(folder, "none.jpg"), offset: 0, length: 9 }, 5, "missing"),
    at({ path, offset: 0, length: jpeg.length + 1 }, 6, "too short"),
    at({ path: huge, offset: 0, length: statSync(huge).size }, 7, "too long"),
    at({ bytes: jpeg }, 8, "whole again"),
  ];
  const slot = await pool.acquire(jobs.length);
  const faults = await pool.images(jobs, slot);
  const reasons = faults.map((fault) => fault?.reason ?? "");
  expect(reasons[0]).toBe("");
  expect(reasons[8]).toBe("");
  for (const row of [1, 2, 3, 4]) expect(reasons[row]).toContain(`${jobs[row]!.key} is not a readable image: `);
  expect(reasons[4]).toContain("pixel limit");
  expect(reasons[5]).toMatch(/missing: .*ENOENT/);
  expect(reasons[6]).toMatch(/too short: .*ends before byte/);
  expect(reasons[7]).toMatch(/too long: .*68157441 bytes, more than/);
  expect(rowOf(slot, 8).some((byte) => byte > 0)).toBe(true);
});

describe("slots", () => {
  test("are given in turn, and not before one is released and written", async () => {
    const pool = await makePool({ slots: 2 });
    const first = await pool.acquire(4);
    const second = await pool.acquire(2);
    const order: string[] = [];
    const third = pool.acquire(4).then((slot) => {
      order.push("third");
      // It has the memory of the first, which is written by now.
      for (const row of [0, 1, 2, 3]) expect(rowOf(slot, row).some((byte) => byte > 0)).toBe(true);
      return slot;
    });
    const fourth = pool.acquire(8).then((slot) => (order.push("fourth"), slot));
    const jpeg = await drawn(300, 300, 1).jpeg().toBuffer();
    const jobs = [0, 1, 2, 3].map((row) => imageJob(jpeg, row));
    const writing = pool.images(jobs, first);
    pool.release(first);
    expect((await third).pixels.length).toBe(4 * 3 * size ** 2);
    await writing;
    expect(order).toEqual(["third"]);
    pool.release(second);
    expect((await fourth).pixels.length).toBe(8 * 3 * size ** 2);
    expect(() => pool.release(second)).toThrow(/released/);
    await expect(pool.images([], second)).rejects.toThrow(/acquire another/);
    await expect(pool.images([imageJob(jpeg, 8)], await fourth)).rejects.toThrow("8 rows, got row 8");
  });
});

test("a thread that dies is replaced; what killed two is a fault, all else is done", async () => {
  const pool = await makePool({ slots: 1, threads: 2 }, { maxOldGenerationSizeMb: 40 });
  const killer = Buffer.from(`[${"{},".repeat(1_000_000)}1]`); // a JSON value that fits into no such heap
  const captions: CaptionJob[] = [...Array(6).keys()].map((n) => ({
    texts: n === 3 ? { files: [{ ending: "json", place: { bytes: killer } }] } : { texts: { txt: `caption ${n}` } },
    key: `pair ${n}`,
    random: [n],
  }));
  const jpeg = await drawn(300, 300, 1).jpeg().toBuffer();
  const images = [...Array(30).keys()].map((row) => imageJob(jpeg, row));
  const slot = await pool.acquire(images.length);
  const [faults, read] = await Promise.all([pool.images(images, slot), pool.captions(captions)]);
  expect(faults).toEqual(images.map(() => undefined));
  expect(read.map((found) => ("caption" in found ? found.caption : found.reason))).toEqual([
    "caption 0",
    "caption 1",
    "caption 2",
    expect.stringContaining("pair 3 has ended two of the threads that read it: "),
    "caption 4",
    "caption 5",
  ]);
  for (const { row } of images) expect(rowOf(slot, row)).toEqual(rowOf(slot, 0));
  expect(await pool.captions(captions.slice(0, 2))).toHaveLength(2);
});

test("a pool that is closed while busy rejects what is under way and waits for nothing", async () => {
  const pool = await makePool({ slots: 1, threads: 2 });
  const jpeg = await drawn(900, 900, 1).jpeg().toBuffer();
  const slot = await pool.acquire(200);
  const images = pool.images(
    [...Array(200).keys()].map((row) => imageJob(jpeg, row)),
    slot,
  );
  const waiting = pool.acquire(1);
  const settled = Promise.allSettled([images, waiting]);
  await pool.close();
  for (const result of await settled) {
    expect(result).toMatchObject({ status: "rejected", reason: { code: "disposed" } });
  }
  await expect(pool.captions([])).rejects.toThrow("closed");
  await expect(pool.acquire(1)).rejects.toThrow("closed");
  await pool.close();
});

test.each([
  ["threads must be a whole number from 1", { threads: 0 }],
  ["slots must be a whole number from 1", { slots: 1.5 }],
  ["give one of them", { augment: {}, view: {} }],
  ["scale must be a range", { augment: { scale: [1, 0.5] } }],
  ["chances above 0", { captions: { txt: 0 } }],
] as const)("a setting that is wrong is refused before any image: %s", async (message, options) => {
  await expect(createDecodePool({ ...base, ...options } as DecodePoolOptions)).rejects.toThrow(message);
});
