import { expect, test } from "vitest";
import { decodeBase64, encodeBase64 } from "./base64.ts";

test.each([0, 1, 2, 3, 4, 255, 256])("%i bytes go there and back", (length) => {
  const bytes = Uint8Array.from({ length }, (_, index) => (index * 73 + 251) & 255);
  expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
  expect(decodeBase64(encodeBase64(bytes), "here")).toEqual(bytes);
});

test("what is none is refused", () => {
  expect(() => decodeBase64("ab!d", "here")).toThrow("here should be base64");
});
