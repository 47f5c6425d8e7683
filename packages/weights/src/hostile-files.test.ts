import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { Inflate } from "fflate";
import { expect, test, vi } from "vitest";
import { makeZip, type ZipMember } from "./fixtures/make-zip.ts";
import { bytesSource, convertLayout, openSafetensors, openWeights, readAll, type ByteSource } from "./index.ts";
import { formatNpyHeader } from "./numpy/npy-header.ts";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const pickle = (text: string): ZipMember => ({ name: "archive/data.pkl", bytes: bytesOf(text) });
const openBytes = (bytes: Uint8Array) => openWeights(bytesSource(bytes), "evil.pt");
const openPickle = (text: string, ...others: ZipMember[]) => openBytes(makeZip([pickle(text), ...others]));

const int = (value: number): string => `J${String.fromCharCode(...new Uint8Array(Int32Array.of(value).buffer))}`;
const word = (value: string): string => `\x8c${String.fromCharCode(value.length)}${value}`;
const counts = (...values: number[]): string => `(${values.map(int).join("")}t`;
/** A state dict with one tensor "w", a view of a storage of `count` floats. */
const tensor = (view: { count: number; offset: number; shape: number[]; strides: number[] }): string =>
  `}${word("w")}ctorch._utils\n_rebuild_tensor_v2\n(` +
  `(${word("storage")}ctorch\nFloatStorage\n${word("0")}${word("cpu")}${int(view.count)}tQ` +
  `${int(view.offset)}${counts(...view.shape)}${counts(...view.strides)}tRs.`;
const sixteenBytes: ZipMember = { name: "archive/data/0", bytes: new Uint8Array(16) };

test("a pickle that names anything but tensors is refused by that name, and nothing runs", async () => {
  const marker = "clipTsPickleRan";
  const attacks = {
    "posix.system": "cposix\nsystem\n(X\x04\x00\x00\x00evilt\x85R.",
    "builtins.eval": "cbuiltins\neval\n(X\x01\x00\x00\x001t\x85R.",
    "builtins.getattr": `${word("builtins")}${word("getattr")}\x93.`,
    "torch.load": "ctorch\nload\n.",
    "torch.constructor": "ctorch\nconstructor\n.",
    "collections.__proto__": "ccollections\n__proto__\n.",
    "torch._utils.__reduce__": "ctorch._utils\n__reduce__\n.",
    "numpy.core.multiarray.scalar": "cnumpy.core.multiarray\nscalar\n.",
  };
  for (const [name, text] of Object.entries(attacks)) {
    await expect(openPickle(text), name).rejects.toThrow(`evil.pt names "${name}", which no file`);
  }
  expect(marker in globalThis).toBe(false);
});

test("opcodes that make objects of any class are unknown", async () => {
  for (const [text, code] of [
    ["ios\nsystem\n.", "69"],
    ["(o.", "6f"],
    ["\x92.", "92"],
    ["P1\n.", "50"],
  ] as const) {
    await expect(openPickle(text)).rejects.toThrow(`opcode 0x${code}, which no file of tensors needs`);
  }
});

test("a pickle that ends early, or calls what is no function, is damaged", async () => {
  for (const text of ["", "(", "X\xff\xff\xff\xff.", "R.", "\x85.", "N)R.", "h\x05.", "]NNs.", "K\x01Q."]) {
    await expect(openPickle(text), JSON.stringify(text)).rejects.toMatchObject({
      code: "bad-weights",
    });
  }
});

test("keys such as __proto__ stay data", async () => {
  const file = await openPickle(`}${word("__proto__")}}${word("polluted")}K\x01ss.`);
  expect(file.names).toEqual([]);
  expect("polluted" in {}).toBe(false);
});

test("nesting without end stops at a limit", async () => {
  const selfContaining = `}q\x00${word("x")}h\x00s.`;
  await expect(openPickle(selfContaining)).rejects.toThrow("nests its values beyond reason");
  let laughs = "}q\x01";
  for (let level = 0; level < 40; level++) {
    laughs = `${laughs}0}(${word("a")}h\x01${word("b")}h\x01uq\x01`;
  }
  await expect(openPickle(`${laughs}.`)).rejects.toThrow("nests its values beyond reason");
  await expect(openPickle(`${"(".repeat(100_000)}.`)).resolves.toMatchObject({ names: [] });
});

test("tensors may not reach beyond their storage, repeat it, or claim more than is stored", async () => {
  const fits = { count: 4, offset: 0, shape: [2, 2], strides: [2, 1] };
  const file = await openPickle(tensor(fits), sixteenBytes);
  expect((await file.read("w")).bytes).toHaveLength(16);
  for (const wrong of [
    { offset: 1 },
    { strides: [3, 1] },
    { shape: [1_000_000, 1_000_000], strides: [0, 0] },
    { count: 5, shape: [5], strides: [1] },
  ]) {
    await expect(openPickle(tensor({ ...fits, ...wrong }), sixteenBytes)).rejects.toThrow(/does not fit its storage/);
  }
  for (const shape of [[-1, 2], [2 ** 31 - 1, 2 ** 31 - 1], Array.from({ length: 33 }, () => 1)]) {
    const strides = shape.map(() => 1);
    const opening = openPickle(tensor({ ...fits, shape, strides }), sixteenBytes);
    await expect(opening).rejects.toThrow("make no sense");
  }
  const none = await openPickle(tensor({ ...fits, shape: [2 ** 30, 0], strides: [1, 1] }), sixteenBytes);
  expect((await none.read("w")).bytes).toHaveLength(0);
  await expect(openPickle(tensor(fits))).rejects.toThrow("archive/data/0, which is missing");
});

test("archives whose sizes or places are lies are refused from their directory", async () => {
  const good = pickle("}.");
  const lies: [ZipMember[], string][] = [
    [[{ ...good, claimedStoredSize: 0xffff_fff0 }], "sizes are wrong or entries overlap"],
    [[good, { ...sixteenBytes, claimedOffset: 0 }], "overlap"],
    [[good, { ...sixteenBytes, claimedOffset: 0xffff_fff0 }], "overlap"],
    [[good, good], "is there twice"],
    [[{ ...good, flags: 1 }], "is encrypted"],
    [[{ ...good, claimedSize: 2 ** 31 }], "claims 2147483648"],
    [[{ ...good, isDeflated: true, claimedSize: 2 ** 31 }], "claim to unpack to 2147483648"],
    [[{ ...good, isDeflated: true, claimedSize: 1 }], "more than the 1 bytes it claims"],
    [[{ ...good, bytes: new Uint8Array(9 * 2 ** 20) }], "at most 8388608 are read"],
    [[sixteenBytes], "not PyTorch's: it has no data.pkl"],
  ];
  for (const [members, message] of lies) {
    await expect(openBytes(makeZip(members)), message).rejects.toThrow(message);
  }
  await expect(openBytes(makeZip([good], 9))).rejects.toThrow("announces 9 entries, but lists 1");
  await expect(openBytes(makeZip([good]).slice(0, -4))).rejects.toThrow("its end is missing");
});

test("a bomb of zeros is not unpacked beyond what it claims", async () => {
  const zeros = new Uint8Array(64 * 2 ** 20);
  const bomb = makeZip([{ name: "w.npy", bytes: zeros, isDeflated: true, claimedSize: 100 }]);
  await expect(openBytes(bomb)).rejects.toThrow("w.npy is no NumPy array");
  const pickled = makeZip([{ ...pickle("}."), bytes: zeros, isDeflated: true, claimedSize: 100 }]);
  await expect(openBytes(pickled)).rejects.toThrow("unpacks to more than the 100 bytes it claims");
});

test("of packed arrays only the headers are unpacked when an archive is opened", async () => {
  const values = new Float32Array(2 ** 20);
  const header = formatNpyHeader({ dtype: "F32", shape: [2 ** 20] });
  const bytes = Buffer.concat([header, new Uint8Array(values.buffer)]);
  const packed = makeZip(Array.from({ length: 4 }, (_, at) => ({ name: `w${at}.npy`, bytes, isDeflated: true })));
  const inflated = vi.spyOn(Inflate.prototype, "push");
  const file = await openBytes(packed);
  const handed = inflated.mock.calls.reduce((sum, [chunk]) => sum + chunk.byteLength, 0);
  expect(handed).toBeLessThan(packed.byteLength / 2);
  expect((await file.read("w3")).bytes).toHaveLength(2 ** 22);
  inflated.mockRestore();
});

const header = (json: string, data = 0): Uint8Array => {
  const text = bytesOf(json);
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
};
const entry = (shape: string, range = "[0,4]"): string => `{"dtype":"F32","shape":${shape},"data_offsets":${range}}`;

test.each([
  ["a million shapes", `{${'"t":{},'.repeat(1_200_000)}"u":{}}`, "at most 8388608 are read"],
  ["a shape of a million sides", `{"a":${entry(`[${"1,".repeat(1e6)}1]`)}}`, "found [1,1,1,1,"],
  ["a product beyond counting", `{"a":${entry("[4294967296,4294967296]")}}`, "can be counted"],
  ["the same behind an empty side", `{"a":${entry("[0,9e15,9e15]", "[0,0]")}}`, "can be counted"],
  ["2^53 + 1", `{"a":${entry("[9007199254740993]")}}`, "found [9007199254740992]"],
  ["an infinite side", `{"a":${entry("[1e400]")}}`, "found [null]"],
  ["a negative side", `{"a":${entry("[-1]")}}`, "found [-1]"],
  ["nesting without end", `{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`, "not JSON in UTF-8"],
  ["a name that stands twice", `{"a":${entry("[1]")},"a":${entry("[1,1]")}}`, "stands there twice"],
  ["a dtype without end", `{"a":{"dtype":"${"x".repeat(1e6)}"}}`, "x…"],
])("a safetensors header with %s is refused in a line", async (_, json, message) => {
  const error: unknown = await openBytes(header(json, 4)).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: "bad-weights" });
  expect((error as Error).message).toContain(message);
  expect((error as Error).message.length).toBeLessThan(400);
});

test("a pickle of millions of values is refused before they take memory", async () => {
  await expect(openPickle(`${"}".repeat(2e6)}.`)).rejects.toThrow("more than 1000000 instructions");
});

test("stacked layers without end are refused", async () => {
  const json = `{"params/img/Transformer/encoderblock/x":${entry("[1099511627776,0]", "[0,0]")}}`;
  const file = await openBytes(header(json));
  expect(() => convertLayout(file, "huggingface")).toThrow("expected at most 1024");
});

test("a safetensors header can neither overlap tensors nor ask for memory it does not have", async () => {
  const file = (header: object, data: number): Uint8Array => {
    const json = bytesOf(JSON.stringify(header));
    const bytes = new Uint8Array(8 + json.length + data);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
    bytes.set(json, 8);
    return bytes;
  };
  const f32 = (shape: number[], begin: number, end: number): object => ({
    dtype: "F32",
    shape,
    data_offsets: [begin, end],
  });
  const overlapping = file({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12);
  const huge = file({ a: f32([2 ** 40], 0, 2 ** 42) }, 8);
  for (const bytes of [overlapping, huge]) {
    await expect(openBytes(bytes)).rejects.toMatchObject({ code: "bad-weights" });
  }
  const claims = new Uint8Array(16).fill(0xff);
  await expect(openBytes(claims)).rejects.toThrow("more than the 100000000 allowed");
});

test("whatever bytes of a real file are changed, the answer is tensors or a ClipError, in bounded memory", async () => {
  const url = new URL("pytorch/fixtures/state-dict.pt", import.meta.url);
  const original = new Uint8Array(await readFile(url));
  const changes = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), {
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(changes, async (pairs) => {
      const bytes = original.slice();
      for (const [at, value] of pairs) bytes[at] = value;
      let largest = 0;
      const inner = bytesSource(bytes);
      const source: ByteSource = {
        size: inner.size,
        read(offset, length) {
          largest = Math.max(largest, length);
          return inner.read(offset, length);
        },
      };
      try {
        await readAll(await openWeights(source, "changed"));
      } catch (error) {
        expect(error).toMatchObject({ name: "ClipError" });
      }
      expect(largest).toBeLessThanOrEqual(original.length);
    }),
    { numRuns: 400 },
  );
});

test("openSafetensors itself takes no archive", async () => {
  const archive = makeZip([pickle("}.")]);
  await expect(openSafetensors(bytesSource(archive))).rejects.toMatchObject({
    code: "bad-weights",
  });
});
