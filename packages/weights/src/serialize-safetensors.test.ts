import { readFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  bytesSource,
  convertLayout,
  fromFloat32,
  lazyTensors,
  openSafetensors,
  readAll,
  serializeSafetensors,
  streamSafetensors,
  toBytes,
  toFloat32,
  type HostTensor,
} from "./index.ts";

const fixture = (name: string): Promise<Uint8Array> =>
  readFile(new URL(`fixtures/${name}.safetensors`, import.meta.url));

// clip-vit: a Hugging Face CLIPModel; every-dtype: ten dtypes, odd names. Both written from Python.
test.each(["clip-vit", "every-dtype"])("%s: read and written again, no byte differs", async (name) => {
  const original = await fixture(name);
  const file = await openSafetensors(bytesSource(original));
  const serialized = serializeSafetensors(await readAll(file), file.metadata);
  expect(serialized.byteLength).toBe(original.byteLength);
  expect(Buffer.compare(toBytes(serialized), original)).toBe(0);

  const streamed: Uint8Array[] = [];
  const stream = streamSafetensors(lazyTensors(file), file.metadata);
  for await (const chunk of stream.chunks()) streamed.push(chunk);
  expect(stream.byteLength).toBe(original.byteLength);
  expect(Buffer.compare(Buffer.concat(streamed), original)).toBe(0);
});

test("under OpenAI's names the file is the one that Python writes", async () => {
  const file = await openSafetensors(bytesSource(await fixture("clip-vit")));
  const bytes = toBytes(serializeSafetensors(await readAll(convertLayout(file, "openai"))));
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(
    "0f54ca12453beeb000d3c238c49563782bc333d4ac8687233fb039c661d107ee",
  );
});

const tensors = fc.dictionary(
  fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "0", "10", "toString")),
  fc.tuple(fc.nat(3), fc.nat(3)).map((shape): HostTensor => {
    const values = Float32Array.from({ length: shape[0] * shape[1] }, (_, index) => index / 3);
    return fromFloat32(values, shape, shape[0] % 2 === 0 ? "F32" : "F16");
  }),
);

test("any set of names and shapes comes back, and its header follows the format", async () => {
  await fc.assert(
    fc.asyncProperty(tensors, async (before) => {
      const bytes = toBytes(serializeSafetensors(before, { author: "someone" }));
      expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
      const file = await openSafetensors(bytesSource(bytes));
      expect(file.metadata).toEqual({ author: "someone" });
      expect(file.names.toSorted()).toEqual(Object.keys(before).toSorted());
      for (const [name, tensor] of Object.entries(before)) {
        const after = await file.read(name);
        expect(after.shape).toEqual(tensor.shape);
        expect(toFloat32(after)).toEqual(toFloat32(tensor));
      }
    }),
  );
});

test("bytes that do not fill the shape are refused, also when they come late", async () => {
  const short: HostTensor = { dtype: "F32", shape: [2, 2], bytes: new Uint8Array(12) };
  expect(() => serializeSafetensors({ weight: short })).toThrow(
    "weight: F32 [2, 2] takes 16 bytes, but 12 were given.",
  );
  const lazy = {
    weight: { dtype: "F32", shape: [2, 2], load: () => Promise.resolve(short) },
  } as const;
  const drain = async (): Promise<void> => {
    for await (const chunk of streamSafetensors(lazy).chunks()) expect(chunk).toBeDefined();
  };
  await expect(drain()).rejects.toThrow("weight: F32 [2, 2] takes 16 bytes");
});

test("a tensor cannot take the name of the metadata", () => {
  const tensor = fromFloat32(new Float32Array(1), [1]);
  expect(() => serializeSafetensors({ __metadata__: tensor })).toThrow("__metadata__");
});
