import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clipPreprocess, formatPreprocessorConfig } from "@clip-ts/image";
import { parseSelfCheck } from "@clip-ts/inference";
import { captureOutput, hubToken, startLocalHub, writeGoldenModel } from "@clip-ts/test-utils";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-push-"));
const hub = await startLocalHub();
afterAll(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});
afterEach(() => vi.unstubAllEnvs());

const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));

/** Points the hub's variables at the local one. */
function useLocalHub(token: string = hubToken): void {
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_HOME", join(folder, "home"));
  vi.stubEnv("HF_TOKEN", token);
}

test("a checkpoint's model is pushed with a card, and nothing of the run beside it", async () => {
  useLocalHub();
  const model = writeGoldenModel(join(folder, "run", "checkpoints", "step-0000001"), "hf");
  await writeFile(join(model, "optimizer.safetensors"), "moments");
  await writeFile(join(model, "state.json"), "{}");
  const words = ["push", join(folder, "run"), "hf:owner/name", "--license", "mit", "--message", "One"];
  const { result, stderr } = await run(...words);
  expect([result, stderr.split("\n").at(-2)]).toEqual([0, "pushed to hf:owner/name"]);
  const [commit] = hub.uploads.commits;
  expect(commit).toMatchObject({ repository: "owner/name", summary: "One" });
  expect(Object.keys(commit!.files)).toEqual(["README.md", "self-check.json", "config.json", "model.safetensors"]);
  const card = Buffer.from(commit!.files["README.md"] as Uint8Array).toString();
  expect(card).toContain("license: mit");
  expect(card).toContain("| proof | `self-check.json`");
  const proof = parseSelfCheck(Buffer.from(commit!.files["self-check.json"] as Uint8Array).toString(), "sent");
  expect(proof.pictures?.seeds).toEqual([1, 2]);
  const kept = ["config.json", "model.safetensors", "optimizer.safetensors", "state.json"];
  expect((await readdir(model)).toSorted()).toEqual(kept); // the run's folder is its own
});

test("a card that lies in the folder goes as it is", async () => {
  useLocalHub();
  const model = writeGoldenModel(join(folder, "with-card"), "hf");
  await writeFile(join(model, "README.md"), "mine");
  expect((await run("push", model, "hf:owner/mine")).result).toBe(0);
  const files = hub.uploads.commits.at(-1)!.files;
  expect(Buffer.from(files["README.md"] as Uint8Array).toString()).toBe("mine");
});

test("a background that Python does not know is said and stands in the card", async () => {
  useLocalHub();
  const model = writeGoldenModel(join(folder, "background"), "hf");
  const preprocess = { ...clipPreprocess(32), alpha: [255, 0, 0] as const };
  const json = JSON.stringify(formatPreprocessorConfig(preprocess));
  await writeFile(join(model, "preprocessor_config.json"), json);
  const { result, stderr } = await run("push", model, "hf:owner/background");
  const sentence = "transformers will not lay transparent pixels over the background 255 0 0";
  expect([result, stderr]).toEqual([0, expect.stringContaining(sentence)]);
  const files = hub.uploads.commits.at(-1)!.files;
  expect(Buffer.from(files["README.md"] as Uint8Array).toString()).toContain(`- ${sentence}`);
});

test("without a token or an owner nothing is read, written or sent", async () => {
  useLocalHub("");
  const model = writeGoldenModel(join(folder, "untouched"), "hf");
  const before = await readdir(model);
  const sent = hub.requests.length;
  const { result, stderr } = await run("push", model, "hf:owner/name");
  expect([result, stderr]).toEqual([
    1,
    "clip-ts: Uploading to hf:owner/name needs an owner in its name and a token that may write: set HF_TOKEN.\n",
  ]);
  useLocalHub();
  expect((await run("push", model, "hf:name")).stderr).toContain("needs an owner in its name");
  expect((await run("push", "nowhere", "hf:name")).stderr).toContain("needs an owner in its name");
  expect(await readdir(model)).toEqual(before);
  expect(hub.requests).toHaveLength(sent);
});

test("a model of the hub is fetched by any command, with a line for each file", async () => {
  useLocalHub();
  const model = writeGoldenModel(join(folder, "source"), "hf");
  const files = new Map<string, Uint8Array>();
  for (const name of await readdir(model)) files.set(name, await readFile(join(model, name)));
  hub.repositories.set("owner/golden", { files });
  const words = ["convert", "hf:owner/golden", join(folder, "fetched"), "--to", "hf"];
  const { result, stderr } = await run(...words);
  expect(result).toBe(0);
  expect(stderr).toMatch(/^fetching config\.json: 0\.0 of 0\.0 MiB\nfetching model\.safetensors: 0\.8 of 0\.8 MiB\n/u);
  expect(stderr).toMatch(/\nwrote 94 tensors/u);
  const [copy, original] = [join(folder, "fetched"), model].map((path) => readFile(join(path, "model.safetensors")));
  expect((await copy!).equals(await original!)).toBe(true);
});

test("a run fetches the models that its config names, with the same lines", async () => {
  useLocalHub();
  const model = writeGoldenModel(join(folder, "teacher"), "hf");
  const files = new Map<string, Uint8Array>();
  for (const name of await readdir(model)) files.set(name, await readFile(join(model, name)));
  hub.repositories.set("owner/teacher", { files });
  const config = {
    run: join(folder, "student"),
    engine: "cpu",
    steps: 1,
    model: { from: model },
    distill: { from: "hf:owner/teacher" },
    data: { train: { kind: "synthetic" } },
  };
  const path = join(folder, "student.yaml");
  await writeFile(path, JSON.stringify(config));
  const { stderr } = await run("train", path); // its vocabulary has no tokenizer: it ends there
  expect(stderr).toContain("fetching model.safetensors: 0.8 of 0.8 MiB\n");
});

test("wrong targets, files and tokens are refused in words", async () => {
  useLocalHub("hf_wrong");
  const model = writeGoldenModel(join(folder, "refused"), "hf");
  const wrong = await run("push", model, "owner/name");
  expect(wrong.stderr).toContain("owner/name: expected hf:owner/name");
  const file = await run("push", join(model, "model.safetensors"), "hf:owner/name");
  expect(file.stderr).toContain("is a file: convert it into a folder first");
  expect((await run("push", model, "hf:owner/name")).stderr).toMatch(/answers 401.*HF_TOKEN/u);
  await mkdir(join(folder, "empty"));
  const empty = await run("push", join(folder, "empty"), "hf:owner/name");
  expect(empty.stderr).toContain("There is no model in");
});

test("open_clip finds a tokenizer of the folder's own by the repository's name", async () => {
  useLocalHub();
  const model = writeGoldenModel(join(folder, "own-words"), "hf");
  const path = join(model, "open_clip_config.json");
  const preprocessor = JSON.stringify(formatPreprocessorConfig(clipPreprocess(32)));
  await writeFile(join(model, "preprocessor_config.json"), preprocessor);
  const text_cfg = { width: 16, hf_tokenizer_name: "this-folder" };
  await writeFile(path, JSON.stringify({ model_cfg: { embed_dim: 8, text_cfg } }));
  expect((await run("push", model, "hf:owner/own-words")).result).toBe(0);
  const { files } = hub.uploads.commits.at(-1)!;
  const sent = Buffer.from(files["open_clip_config.json"] as Uint8Array).toString();
  expect(JSON.parse(sent)).toEqual({
    model_cfg: { embed_dim: 8, text_cfg: { width: 16, hf_tokenizer_name: "owner/own-words" } },
  });
  expect(await readFile(path, "utf8")).toContain("this-folder");
});
