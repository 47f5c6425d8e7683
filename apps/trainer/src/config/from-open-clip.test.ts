import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { settingPaths } from "./fixtures/setting-paths.ts";
import { parseConfig, parseSettings } from "./load-config.ts";
import { settleEpochs } from "./settle-epochs.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const page = readFileSync(here("../../../../docs/from-open-clip.md"), "utf8");
const flags = JSON.parse(readFileSync(here("fixtures/open-clip-flags.json"), "utf8")) as Record<string, unknown>;

const settings = new Set([...settingPaths, "epochs"]);

/** Rows of the page's tables: a flag, its settings here, and what is said of it. */
const rows = page.split("\n").flatMap((line) => {
  const [, flag, settingsHere = "", note = ""] = /^\| `(--[a-z0-9-]+)`\s*\| ([^|]*?)\s*\|([^|]*)\|$/u.exec(line) ?? [];
  return flag === undefined ? [] : [{ flag, settingsHere, note }];
});

test("every flag of open_clip's training program has one row", () => {
  expect(rows.map(({ flag }) => flag).toSorted()).toEqual(Object.keys(flags).toSorted());
});

test("a row names settings that there are, or says why there is none", () => {
  for (const { flag, settingsHere, note } of rows) {
    const names = Array.from(settingsHere.matchAll(/`([^`]+)`/gu), ([, name = ""]) => name);
    if (settingsHere === "-") expect(note.trim(), flag).not.toBe("");
    else expect([names.length > 0, names.filter((name) => !settings.has(name))], flag).toEqual([true, []]);
  }
});

test("settings that the page names anywhere exist", () => {
  const named = Array.from(
    page.matchAll(/`((?:data|model|evaluate|schedule|optimizer|lock)\.[\w.]+)`/gu),
    (found) => found[1],
  );
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((name) => !settings.has(name ?? ""))).toEqual([]);
});

test("the page's example is a config", async () => {
  const text = /```yaml\n([\s\S]*?)```/u.exec(page)?.[1] ?? "";
  const { epochs, ...rest } = parseSettings(text, "the example");
  expect(epochs).toBe(10);
  expect(parseConfig({ ...rest, steps: 1 }, "the example")).toMatchObject({ accumulate: 4, precision: "bf16" });
  await expect(settleEpochs({ epochs, ...rest }, "the example")).rejects.toThrow(/pairs\.csv/u);
});
