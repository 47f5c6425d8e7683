import { expect, test } from "vitest";
import { bytesSource, openWeights } from "./index.ts";

const openText = (text: string, label: string) =>
  openWeights(bytesSource(Uint8Array.from(text, (letter) => letter.charCodeAt(0))), label);

const rest = "\x00".repeat(40);

test.each([
  // torch.save(…, _use_new_zipfile_serialization=False): protocol 2, then the magic number
  [
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
    "old.bin",
    "old.bin is in PyTorch's format from before version 1.6. Write it anew: python -c \"import torch;",
  ],
  ["\x80\x04\x958\x00\x00\x00", "a.pkl", "a.pkl is a bare Python pickle, which could run any program"],
  ["\x89HDF\r\n\x1a\n", "weights.h5", "weights.h5 is an HDF5 file (Keras). Save its weights as"],
  ["GGUF\x03\x00\x00\x00", "m.gguf", "m.gguf is a GGUF file (llama.cpp). Use the original"],
  ["\x93NUMPY\x01\x00", "a.npy", "a.npy is a single array of NumPy's (.npy). Save all arrays by name"],
  ["version https://git-lfs", "model.safetensors", "is a pointer of Git LFS, not the file"],
  ["<!DOCTYPE html>", "model.safetensors", "model.safetensors is a web page. Fetch the file"],
  ["\x00\x01\x02\x03\x04\x05\x06\x07", "m.ckpt", "m.ckpt looks like a checkpoint of TensorFlow's."],
])("%j in %s is named, with what to do", async (start, label, message) => {
  await expect(openText(start + rest, label)).rejects.toThrow(message);
});

test("the line of Python for old PyTorch names the file", async () => {
  await expect(openText("\x80\x02\x8a\x0a", "here/old.pt")).rejects.toThrow(
    "torch.load('here/old.pt', map_location='cpu')",
  );
});

test("what nothing tells is no safetensors file", async () => {
  await expect(openText("\x00\x01\x02\x03\x04\x05\x06\x07", "what")).rejects.toThrow("this is no safetensors file");
  await expect(openText("", "empty")).rejects.toThrow("found 0 bytes");
});
