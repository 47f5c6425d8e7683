import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { syntheticSource } from "@clip-ts/data";
import { captureOutput } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { commands, commandsWith } from "../commands/index.ts";
import { loadConfig } from "../config/load-config.ts";
import { runOptions } from "../config/run-options.ts";
import { openSourceByName } from "../config/named-source.ts";
import { loadSources, openSource } from "../config/sources.ts";
import type { Command } from "./command.ts";
import type { SourceDefinition, SourceKind } from "./extension.ts";
import { runCommandLine } from "./main.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-extension-"));
afterAll(() => rm(folder, { recursive: true }));

interface Shapes {
  readonly kind: "shapes";
  readonly many: number;
}

const definition: SourceDefinition<Shapes> = {
  schema: z.strictObject({ kind: z.literal("shapes"), many: z.int().min(1).default(5) }),
  open: ({ many }, { seed }) => Promise.resolve(syntheticSource({ count: many, seed })),
  named: (words) => ({ kind: "shapes", many: Number(words) }),
};
const shapes: SourceKind = {
  kind: "shapes",
  example: "shapes:NUMBER",
  load: () => Promise.resolve(definition),
};

async function configFile(train: string): Promise<string> {
  const path = join(folder, "run.yaml");
  const data = `data: { train: ${train}, batchSize: 2 }`;
  await writeFile(path, `run: r\nmodel: { preset: nano }\n${data}\nsteps: 1\n`);
  return path;
}

test("a config names an added kind, whose settings are checked and recorded", async () => {
  const sources = await loadSources([shapes]);
  const config = await loadConfig(await configFile("{ kind: shapes }"), [], sources);
  expect(config.data.train).toEqual({ kind: "shapes", many: 5 });
  const { data } = runOptions(config, sources);
  if (data.train.kind === "tensors") throw new Error("shapes are pairs");
  expect((await openSource(data.train, 3)).records).toHaveLength(5);
  const path = await configFile("{ kind: shapes, mny: 2 }");
  await expect(loadConfig(path, [], sources)).rejects.toThrow('Did you mean "many"?');
});

test("the command line names it before a colon, and help shows how", async () => {
  expect((await openSourceByName("shapes:7", { kinds: [shapes] })).records).toHaveLength(7);
  const program = commandsWith({ sources: [shapes] });
  const { stdout } = await captureOutput(() => runCommandLine(program, ["evaluate", "--help"]));
  expect(stdout.replaceAll(/\s+/gu, " ")).toContain("table (also with .gz), or shapes:NUMBER.");
  const own = await captureOutput(() => runCommandLine(commands, ["evaluate", "--help"]));
  expect(own.stdout.replaceAll(/\s+/gu, " ")).toContain("at https:// or s3://), or a .csv, .tsv or .jsonl");
});

test("a kind that another package brings is refused with the package's name", async () => {
  const path = await configFile("{ kind: emoji, vendors: [google] }");
  const brought = "Sources of the kind emoji come with the package @clip-ts/quickstart";
  await expect(loadConfig(path, [])).rejects.toThrow(brought);
  await expect(openSourceByName("emoji:fluent", { kinds: [] })).rejects.toThrow(brought);
  await expect(openSourceByName("emojis:fluent", { kinds: [] })).rejects.toThrow("does not exist");
});

test("a command stands where it asks to, and none twice", async () => {
  const act: Command = {
    name: "act",
    words: "",
    needs: 0,
    summary: "acts",
    before: "embed",
    options: {},
    run: () => Promise.resolve(7),
  };
  const program = commandsWith({ commands: [act] });
  const names = program.map(({ name }) => name);
  expect(names.indexOf("act")).toBe(names.indexOf("embed") - 1);
  expect(await runCommandLine(program, ["act"])).toBe(7);
  expect(() => commandsWith({ commands: [act, act] })).toThrow('two commands "act"');
});

test("the package's manifest is the version that it says", async () => {
  const manifest = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  const { stdout } = await captureOutput(() => runCommandLine(commands, ["--version"]));
  expect(stdout).toBe(`${(JSON.parse(manifest) as { version: string }).version}\n`);
});
