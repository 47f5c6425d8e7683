import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isOut, isTransient, refused, unreachable, waitAskedBy } from "./hub-errors.ts";
import { defaultRetries, etagOf, hubSettings, safeName } from "./hub-settings.ts";
import { backOff, startRetries } from "./exchange.ts";

test("what a hub asks to wait is read in seconds, as a date and from its rate limit", () => {
  const now = Date.parse("Sat, 03 Jan 2026 10:00:00 GMT");
  const asked = (headers: Record<string, string>) => waitAskedBy(new Headers(headers), now);
  expect(asked({ "retry-after": "120" })).toBe(120_000);
  expect(asked({ "retry-after": "Sat, 03 Jan 2026 10:01:30 GMT" })).toBe(90_000);
  expect(asked({ "retry-after": "Sat, 03 Jan 2026 09:00:00 GMT" })).toBe(0);
  expect(asked({ ratelimit: '"api";r=0;t=55' })).toBe(55_000);
  expect(asked({ ratelimit: '"api";r=12;t=55' })).toBeUndefined();
  for (const odd of ["", "-5", "1.5", "soon", "2030-01-01", "Sat, 99 Foo"]) {
    expect(asked({ "retry-after": odd }), odd).toBeUndefined();
  }
});

test("waits double up to a longest one, half by chance, and end with tries or patience", async () => {
  const waits = (chance: number) => [0, 1, 2, 3, 4].map((tries) => backOff(defaultRetries, tries, chance));
  expect(waits(1)).toEqual([1000, 2000, 4000, 8000, 8000]);
  expect(waits(0)).toEqual([500, 1000, 2000, 4000, 4000]);
  const said: string[] = [];
  const retry = { retries: 2, firstWait: 1, longestWait: 1, patience: 10_000 };
  const settings = {
    ...hubSettings({ HF_HOME: "/nowhere" }),
    retry,
    onNotice: (line: string) => said.push(line),
  };
  const error = refused("https://hub.test/a?secret", 503, new Headers());
  const { again, reset } = startRetries(settings);
  await again(error);
  await again(error);
  await expect(again(error)).rejects.toBe(error);
  reset();
  await again(error);
  expect(said.map((line) => / Trying again .*/u.exec(line)?.[0])).toEqual([
    " Trying again in 0.0 s (1 of 2).",
    " Trying again in 0.0 s (2 of 2).",
    " Trying again in 0.0 s (1 of 2).",
  ]);
  expect(said.join()).not.toContain("secret");
  const long = refused("https://hub.test/a", 429, new Headers({ "retry-after": "11" }));
  await expect(again(long)).rejects.toThrow(/asks to wait 11 s, which is longer than clip-ts waits/u);
  await expect(again(refused("https://hub.test/a", 404, new Headers()))).rejects.toThrow("404");
  await expect(again(new Error("a bug"))).rejects.toThrow("a bug");
});

test("a connection is tried again where its failure may pass", () => {
  const fails = (code?: string) => {
    const cause = Object.assign(new Error("it failed"), code === undefined ? {} : { code });
    return unreachable("https://hub.test/a", new TypeError("fetch failed", { cause }));
  };
  for (const code of ["ECONNREFUSED", "ECONNRESET", "EAI_AGAIN", "ETIMEDOUT", "UND_ERR_SOCKET"]) {
    expect(isTransient(fails(code)), code).toBe(true);
  }
  for (const code of ["ENOTFOUND", "DEPTH_ZERO_SELF_SIGNED_CERT", "ENOENT", undefined]) {
    expect(isTransient(fails(code)), code).toBe(false);
    expect(isOut(fails(code)), code).toBe(true);
  }
});

test("an ETag is a plain name or refused", () => {
  const read = (header: string | null) => etagOf(header, "https://hub.test/a");
  expect([null, '"ab-1.2_C"', 'W/"ab"', "ab", ' "ab" '].map(read)).toEqual([undefined, "ab-1.2_C", "ab", "ab", "ab"]);
  const odd = ['"', '""', '"a"b"', "a/b", '"..\\a"', '".."', '".a"', '"a b"', '"é"', '"a\0"', "a,b"];
  for (const header of [...odd, '"a.incomplete"', '"a.lock"', `"${"a".repeat(201)}"`, 'W/W/"a"']) {
    expect(() => read(header), header).toThrow(/its ETag .* cannot be a file's name/u);
  }
});

test("a name in a repository stays in its folder on any system, or is refused", () => {
  const fine = ["a.json", "text_encoder/model.safetensors", "..a", "a..b", "-"];
  expect(fine.map((name) => safeName(name, "owner/name"))).toEqual(fine);
  const odd = [
    "",
    ".",
    "..",
    "/a",
    "a/",
    "a//b",
    "a/../b",
    "./a",
    "a\\b",
    "\\\\host\\a",
    "C:\\a",
    "c:a",
    "a/D:b",
    "a\0b",
    null,
    7,
  ];
  for (const name of odd) {
    expect(() => safeName(name, "owner/name"), String(name)).toThrow("outside its folder");
  }
});

test("the environment is read as huggingface_hub reads it", async () => {
  const home = await mkdtemp(join(tmpdir(), "clip-ts-home-"));
  await writeFile(join(home, "token"), " hf_saved\r\n");
  const read = (environment: Record<string, string>) => hubSettings({ HF_HOME: home, ...environment });
  expect(read({}).token).toBe("hf_saved");
  expect(read({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }).token).toBeUndefined();
  expect(read({ HUGGING_FACE_HUB_TOKEN: "hf_old" }).token).toBe("hf_old");
  expect(read({ HF_TOKEN: " hf_new\n", HUGGING_FACE_HUB_TOKEN: "hf_old" }).token).toBe("hf_new");
  expect(read({ HF_TOKEN_PATH: "/nowhere/token" }).token).toBeUndefined();
  expect(read({ HF_TOKEN: "" }).token).toBe("hf_saved");
  expect(read({ HUGGINGFACE_HUB_CACHE: "/old" }).cache).toBe("/old");
  expect(read({ HF_HUB_CACHE: "$BASE/${NAME}/$none", BASE: "/b", NAME: "n" }).cache).toBe("/b/n/$none");
  expect(hubSettings({ HF_HOME: "~/hf" }).cache).toBe(join(homedir(), "hf", "hub"));
  expect(hubSettings({ XDG_CACHE_HOME: "/x" }).cache).toBe(join("/x", "huggingface", "hub"));
  expect(read({ TRANSFORMERS_OFFLINE: "ON" }).isOffline).toBe(true);
  expect(read({ HF_HUB_DOWNLOAD_TIMEOUT: "5" }).timeout).toBe(5000);
  expect(read({}).timeout).toBeUndefined();
  for (const odd of ["0", "-1", "soon", "1e9"]) {
    expect(() => read({ HF_HUB_DOWNLOAD_TIMEOUT: odd })).toThrow(/expected seconds, such as 60/u);
  }
  await rm(home, { recursive: true });
});
