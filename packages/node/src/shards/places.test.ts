import { expect, test } from "vitest";
import { shardNames } from "./find-shards.ts";
import { expandBraces } from "./braces.ts";
import { besidePlace, folderPart, namePart, splitPatterns } from "./places.ts";

test("braces stand for what bash and braceexpand have them stand for", () => {
  // values of `echo` in bash 5.2
  expect(expandBraces("s/{00008..00011}.tar")).toEqual(["s/00008.tar", "s/00009.tar", "s/00010.tar", "s/00011.tar"]);
  expect(expandBraces("{9..11}")).toEqual(["9", "10", "11"]);
  expect(expandBraces("{3..-3..3}")).toEqual(["3", "0", "-3"]);
  expect(expandBraces("{-01..1}")).toEqual(["-01", "000", "001"]);
  expect(expandBraces("{c..a}")).toEqual(["c", "b", "a"]);
  expect(expandBraces("a{,b}c{d,e{0..1}}")).toEqual(["acd", "ace0", "ace1", "abcd", "abce0", "abce1"]);
  expect(expandBraces("{x}/{1..a}/{}/{")).toEqual(["{x}/{1..a}/{}/{"]);
  expect(() => expandBraces("{0..9999999}")).toThrow(/more than/);
  expect(() => expandBraces("{0..9999}{0..9999}")).toThrow(/more than/);
});

test("patterns are joined as open_clip joins them; commands are refused with the address in them", () => {
  expect(splitPatterns("a.tar::b/{0..1}.tar")).toEqual(["a.tar", "b/{0..1}.tar"]);
  expect(() => splitPatterns("pipe:aws s3 cp s3://laion/{00000..00999}.tar -")).toThrow(
    /write s3:\/\/laion\/\{00000\.\.00999\}\.tar$/,
  );
  expect(() => splitPatterns("pipe:gsutil cat gs://b/x.tar")).toThrow(
    /write https:\/\/storage\.googleapis\.com\/b\/x\.tar$/,
  );
  expect(() => splitPatterns("pipe:cat x.tar")).toThrow(/give a path/);
});

test("places are cut at their last name", () => {
  expect([folderPart("https://h/a/b.tar?x=/y"), namePart("https://h/a/b.tar?x=/y")]).toEqual(["https://h/a/", "b.tar"]);
  expect([folderPart("b.tar"), namePart("b.tar")]).toEqual(["", "b.tar"]);
  expect(besidePlace("s3://b/a.tar", "sizes.json")).toBe("s3://b/sizes.json");
  expect(besidePlace("a/t.csv", "/x.jpg")).toBe("/x.jpg");
  expect(besidePlace("a/t.csv", "https://h/x.jpg")).toBe("https://h/x.jpg");
});

test("names are unique in a set", () => {
  const tar = /\.tar$/;
  expect(shardNames(["d/0.tar", "e/1.tar"], tar)).toEqual(["0", "1"]);
  expect(shardNames(["s/d/0.tar", "s/e/0.tar", "s/e/1.tar"], tar)).toEqual(["d/0", "e/0", "e/1"]);
  expect(shardNames(["d/0.tar", "d/0.tar"], tar)).toEqual(["0", "0~2"]);
});
