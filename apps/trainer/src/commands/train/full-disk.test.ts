import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { configOf, folder } from "./run-here.test.ts";
import { runTraining } from "./run-training.ts";
import { createSoftFile } from "./soft-file.ts";

const said: string[] = [];
vi.spyOn(process.stderr, "write").mockImplementation((text) => {
  said.push(String(text));
  return true;
});
afterEach(() => void said.splice(0));

/** A disk of two megabytes, where this machine lets us have one. */
function smallDisk(): string | undefined {
  const disk = join(folder, "disk");
  mkdirSync(disk, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], { stdio: "ignore" });
    return disk;
  } catch {
    return undefined;
  }
}
const disk = smallDisk();
afterAll(() => {
  if (disk !== undefined) execFileSync("umount", ["-l", disk]);
});

test.skipIf(!existsSync("/dev/full"))(
  "a file on a full disk says so once and ends nothing; what is lost is counted",
  async () => {
    const file = createSoftFile("/dev/full");
    for (let record = 0; record < 5; record++) file.write(`record ${record}\n`);
    await file.close();
    expect(said.filter((line) => line.includes("cannot be written"))).toHaveLength(1);
    expect(said.at(-1)).toContain("lacks 5 records");
  },
);

test.skipIf(disk === undefined)(
  "records that waited for the disk are written whole and in order once there is room",
  async () => {
    const [path, filler] = [join(disk!, "metrics.jsonl"), join(disk!, "filler")];
    writeFileSync(filler, Buffer.alloc(2 * 2 ** 20 - 3 * 4096));
    const file = createSoftFile(path);
    const records = Array.from({ length: 40 }, (_, row) => `${row} ${"x".repeat(1000)}\n`);
    for (const record of records) file.write(record);
    await vi.waitFor(() => expect(said.join("")).toContain("cannot be written"));
    rmSync(filler);
    file.write("end\n");
    await file.close();
    expect(readFileSync(path, "utf8")).toBe(`${records.join("")}end\n`);
    expect(said.at(-1)).toContain("can be written again");
    rmSync(path);
  },
);

test.skipIf(disk === undefined)(
  "a checkpoint that does not fit is said, the one before is kept, and the run goes on to its end",
  async () => {
    const filler = join(disk!, "filler");
    const saving = { steps: 30, checkpoint: { every: 2, keep: 1 } };
    const config = configOf("full", { ...saving, run: join(disk!, "run") });
    const running = runTraining(config);
    await vi.waitFor(() => expect(existsSync(join(config.run, "latest"))).toBe(true), 20_000);
    writeFileSync(filler, Buffer.alloc(2 ** 20));
    let isFull = true;
    for (let size = 2 ** 20; isFull; size += 4096) {
      try {
        writeFileSync(filler, Buffer.alloc(size));
      } catch {
        isFull = false;
      }
    }
    await vi.waitFor(() => expect(said.join("")).toMatch(/no checkpoint of step \d+: .*cannot be written/), 20_000);
    expect(existsSync(join(config.run, "latest", "model.safetensors"))).toBe(true);
    rmSync(filler);
    expect(await running).toMatchObject({ step: 30, interrupted: false });
    const lines = readFileSync(join(config.run, "metrics.jsonl"), "utf8").trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual(
      Array.from({ length: 30 }, (_, step) => step),
    );
  },
);
