import { expect, test } from "vitest";
import { folderOf, joinPath, nameOf } from "./file-access.ts";

test.each([
  ["a/b/c.png", "a/b", "c.png"],
  ["/c.png", "/", "c.png"],
  ["c.png", "", "c.png"],
  ["C:\\data\\pairs.csv", "C:\\data", "pairs.csv"],
  ["C:\\data/inner\\pairs.csv", "C:\\data/inner", "pairs.csv"],
  ["\\\\host\\share\\pairs.csv", "\\\\host\\share", "pairs.csv"],
  ["a/odd\\name.png", "a", "odd\\name.png"], // outside Windows a name may hold a backslash
])("%s lies in a folder and has a name", (path, folder, name) => {
  expect(folderOf(path)).toBe(folder);
  expect(nameOf(path)).toBe(name);
});

test("what a table of Windows names is found beside it, or where it says", () => {
  const folder = folderOf("C:\\data\\pairs.csv");
  expect(joinPath(folder, "img/a.png")).toBe("C:\\data/img/a.png");
  expect(joinPath(folder, "D:\\other\\a.png")).toBe("D:\\other\\a.png");
});
