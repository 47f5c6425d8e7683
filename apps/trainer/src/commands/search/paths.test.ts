import { sep } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { shorten, shownPaths } from "./paths.ts";

const path = (...parts: string[]): string => ["", ...parts].join(sep);

test("pictures below the folder that the program runs in are named from there", () => {
  const ids = [path("home", "photos", "a.jpg"), path("home", "b.jpg")];
  expect(shownPaths(ids, [path("home", "photos")], path("home"))).toEqual({
    names: [`photos${sep}a.jpg`, "b.jpg"],
  });
});

test("pictures of one source are named from it, of a tar from the folder beside it", () => {
  const below = path("data", "photos");
  const ids = [path("data", "photos", "a.jpg"), path("data", "photos", "c", "b.jpg")];
  const sources = [path("elsewhere"), below];
  expect(shownPaths(ids, sources, path("home"))).toEqual({ names: ["a.jpg", `c${sep}b.jpg`], below });
  const tar = path("data", "0.tar");
  expect(shownPaths([`${tar}#7`], [tar], path("home"))).toEqual({ names: ["0.tar#7"], below: path("data") });
});

test("pictures of several sources, or of a folder whose name only begins alike, are named in full", () => {
  const ids = [path("data", "a.jpg"), path("more", "b.jpg")];
  expect(shownPaths(ids, [path("data"), path("more")], path("home"))).toEqual({ names: ids });
  const alike = [path("data-2", "a.jpg")];
  expect(shownPaths(alike, [path("data")], path("home"))).toEqual({ names: alike });
});

test("a long name loses its middle, and what a terminal would obey is not printed", () => {
  expect(shorten("holidays/2024/summer/IMG_2041.jpg", 20)).toBe("holiday…IMG_2041.jpg");
  expect(shorten("\u{1B}[31mred\n.jpg", 80)).toBe("\u{FFFD}[31mred\u{FFFD}.jpg");
});

test("what is shortened fits, and is the name where that fits", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 3, max: 40 }), (name, width) => {
      const shown = shorten(name, width);
      const clean = name.replaceAll(/\p{Cc}/gu, "\u{FFFD}");
      expect(Array.from(shown).length).toBeLessThanOrEqual(width);
      if (Array.from(clean).length <= width) expect(shown).toBe(clean);
    }),
  );
});
