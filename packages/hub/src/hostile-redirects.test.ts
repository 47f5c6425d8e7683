import { rm } from "node:fs/promises";
import { answerTo, hubToken, sends, startLocalHub, type LocalHub } from "@clip-ts/test-utils";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { downloadModel } from "./download-model.ts";
import { config, damageOf, startTrial, tryDownload, weights, type Trial } from "./fixtures/hostile.ts";
import { redirectOf } from "./request-hub.ts";

let hub: LocalHub;
/** A server of another origin, which nobody's token is for; it has the same files. */
let elsewhere: LocalHub;
const shown: unknown[] = [];
let trial: Trial;
beforeEach(async () => {
  hub = await startLocalHub();
  elsewhere = await startLocalHub();
  const files = new Map([["config.json", config]]).set("model.safetensors", weights);
  for (const each of [hub, elsewhere]) each.repositories.set("owner/name", { files });
  shown.length = 0;
  elsewhere.intercept = (request) => {
    shown.push(request.headers.authorization);
    return false;
  };
  const found = await startTrial(hub.endpoint);
  trial = { ...found, settings: { ...found.settings, token: hubToken } };
});
afterEach(async () => {
  await hub.close();
  await elsewhere.close();
  await rm(trial.root, { recursive: true });
});

const listing = /GET \/api\/models\//u;
const store = /GET \/store\//u;
const goTo = (location: string, status = 302) => sends(status, { location });

/** Sends on to another server, path and all. */
function toElsewhere(pattern: RegExp, status = 302): void {
  answerTo(hub, pattern, (request, response) => {
    response.writeHead(status, { location: `${elsewhere.endpoint}${request.url}` }).end();
  });
}

type Behaviour = readonly [name: string, outcome: RegExp, arrange: () => void];

const redirections: readonly Behaviour[] = [
  ["relatively", /^fetched$/u, () => answerTo(hub, /HEAD .*config/u, goTo("./config.json"), 1)],
  ["to another server for everything", /^fetched$/u, () => toElsewhere(/./u, 307)],
  ["to another server for files", /^fetched$/u, () => toElsewhere(store)],
  [
    "away and back",
    /^fetched$/u,
    () => {
      answerTo(elsewhere, store, (request, response) => {
        response.writeHead(302, { location: `${hub.endpoint}${request.url}?back` }).end();
      });
      answerTo(hub, /back/u, (request, response) => {
        shown.push(request.headers.authorization);
        response.end(weights);
      });
      answerTo(hub, /GET .*\/store\/[0-9a-f]+$/u, (request, response) => {
        response.writeHead(302, { location: `${elsewhere.endpoint}${request.url}` }).end();
      });
    },
  ],
  [
    "in a circle",
    /sends on more than 10 times/u,
    () => {
      answerTo(hub, listing, (request, response) => {
        response.writeHead(307, { location: request.url }).end();
      });
    },
  ],
  [
    "in a circle, for files",
    /sends on more than 10 times/u,
    () => {
      answerTo(hub, store, (request, response) => {
        response.writeHead(302, { location: `${request.url}a` }).end();
      });
    },
  ],
  ["nowhere", /answers 302 without an address/u, () => answerTo(hub, listing, sends(302))],
  ["to no address", /answers 302 without an address/u, () => answerTo(hub, listing, goTo("http://[x"))],
  ["to a file", /sends on to a file: address/u, () => answerTo(hub, store, goTo("file:///etc/passwd"))],
  [
    "to an address with a password",
    /with a password: not followed/u,
    () => {
      answerTo(hub, store, goTo(`http://a:b@127.0.0.1:${new URL(hub.endpoint).port}/`));
    },
  ],
];

test.each(redirections)("a hub that sends on %s", async (_name, outcome, arrange) => {
  arrange();
  const start = Date.now();
  expect(await tryDownload(trial)).toMatch(outcome);
  expect(Date.now() - start).toBeLessThan(20_000);
  expect(await damageOf(trial)).toEqual([]);
  expect(shown.filter((token) => token !== undefined)).toEqual([]);
});

test("what is encrypted stays so, and what is sent is not dropped", () => {
  const from = (url: string, location: string, status = 302) => {
    return { url, status, headers: new Headers({ location }) };
  };
  const refuses = /sends on to http:\/\/hub\.test, which is not encrypted: not followed/u;
  expect(() => redirectOf(from("https://hub.test/a", "http://hub.test/a"), "GET")).toThrow(refuses);
  expect(redirectOf(from("http://hub.test/a", "https://hub.test/a"), "GET")?.href).toBe("https://hub.test/a");
  expect(() => redirectOf(from("https://a.test/", "/b", 301), "POST")).toThrow(/drops what is sent/u);
  expect(redirectOf(from("https://a.test/", "/b", 307), "POST")?.href).toBe("https://a.test/b");
});

test("why the hub is asked again is said, without what an address grants", async () => {
  answerTo(hub, store, goTo("/signed?signature=secret"));
  answerTo(hub, /signed/u, sends(503));
  expect(await tryDownload(trial)).toMatch(/\/signed answers 503/u);
  expect(trial.notices).toHaveLength(2);
  expect(trial.notices[0]).toMatch(/signed answers 503: .* Trying again in 0\.0 s \(1 of 2\)\.$/u);
  expect(trial.notices.join()).not.toContain("secret");
});

test("a token that cannot be one is refused without being shown, and an endpoint that is no address", async () => {
  const settings = { ...trial.settings, token: "hf_geheim\u2026\n" };
  const failure = await downloadModel("hf:owner/name", { settings }).catch(String);
  expect(failure).toMatch(/HF_TOKEN.* has characters that no token has/u);
  expect(failure).not.toContain("geheim");
  const wrong = { ...trial.settings, endpoint: "hub.test" };
  await expect(downloadModel("hf:owner/name", { settings: wrong })).rejects.toThrow(
    /hub\.test: expected the hub's address, such as https/u,
  );
});

afterAll(() => {
  console.log(`hostile hub, redirects: ${redirections.length} behaviours tried, none hung.`);
});
