import { describe, expect, it } from "vitest";
import { sameSize, shownSize, sidesOf, sizeOf } from "./size.ts";

describe("sizes of pictures", () => {
  it("take a number for a square and [height, width] for anything else", () => {
    expect(sidesOf(224)).toEqual({ height: 224, width: 224 });
    expect(sidesOf([240, 320])).toEqual({ height: 240, width: 320 });
  });

  it("have one form each", () => {
    expect(sizeOf(sidesOf([224, 224]))).toBe(224);
    expect(sizeOf(sidesOf([240, 320]))).toEqual([240, 320]);
  });

  it("are the same by their sides, not by their form", () => {
    expect(sameSize(32, [32, 32])).toBe(true);
    expect(sameSize([32, 48], [48, 32])).toBe(false);
  });

  it("are said as height x width", () => {
    expect([shownSize([32, 32]), shownSize([240, 320])]).toEqual(["32", "240 x 320"]);
  });
});
