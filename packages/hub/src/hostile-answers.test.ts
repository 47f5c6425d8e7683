import { rm } from "node:fs/promises";
import { answerTo, hubToken, sends, startLocalHub, trickles, type LocalHub } from "@clip-ts/test-utils";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { config, damageOf, startTrial, tryDownload, weights, type Trial } from "./fixtures/hostile.ts";

let hub: LocalHub;
let trial: Trial;
beforeEach(async () => {
  hub = await startLocalHub();
  const files = new Map([["config.json", config]]).set("model.safetensors", weights);
  hub.repositories.set("owner/name", { files });
  const found = await startTrial(hub.endpoint);
  trial = { ...found, settings: { ...found.settings, token: hubToken } };
});
afterEach(async () => {
  await hub.close();
  await rm(trial.root, { recursive: true });
});

const listing = /GET \/api\/models\//u;
const store = /GET \/store\//u;
const json = { "content-type": "application/json" };

type Behaviour = readonly [name: string, outcome: RegExp, arrange: () => void];

const listings: readonly Behaviour[] = [
  [
    "a page of HTML",
    /answers with a page of HTML where JSON was expected: a proxy or a sign-in/u,
    () => {
      answerTo(hub, listing, sends(200, { "content-type": "text/html" }, "<!doctype html><p>Hello"));
    },
  ],
  [
    "HTML that calls itself JSON",
    /answers with a page of HTML/u,
    () => {
      answerTo(hub, listing, sends(200, json, " <html>"));
    },
  ],
  [
    "nothing",
    /answers with something else where JSON was expected/u,
    () => {
      answerTo(hub, listing, sends(200, json));
    },
  ],
  [
    "half of its JSON",
    /answers with something else/u,
    () => {
      answerTo(hub, listing, sends(200, json, '{"sha": "aaaa'));
    },
  ],
  [
    "null",
    /answers JSON that is no object/u,
    () => {
      answerTo(hub, listing, sends(200, json, "null"));
    },
  ],
  [
    "no commit",
    /names no commit/u,
    () => {
      answerTo(hub, listing, sends(200, json, '{"sha": "../../../evil", "siblings": []}'));
    },
  ],
  [
    "no list",
    /lists no files/u,
    () => {
      answerTo(hub, listing, sends(200, json, `{"sha": "${"a".repeat(40)}", "siblings": 7}`));
    },
  ],
  [
    "names that lead elsewhere",
    /has no weights that clip-ts reads/u,
    () => {
      const names = ["../model.safetensors", "/etc/model.safetensors", null, 7, String.raw`C:\config.json`];
      const siblings = [...names.map((rfilename) => ({ rfilename })), null, 3];
      answerTo(hub, listing, sends(200, json, JSON.stringify({ sha: "a".repeat(40), siblings })));
    },
  ],
  [
    "JSON without end",
    /answers more than \d+ bytes of JSON|not whole after/u,
    () => {
      answerTo(hub, listing, (_request, response) => {
        response.writeHead(200, json).write('{"sha": "');
        const megabyte = "a".repeat(2 ** 20);
        // In turns: Node 26 answers a write to a connection that is gone at once, before saying that it is.
        const more = (): void => void (response.destroyed || response.write(megabyte, () => setImmediate(more)));
        more();
      });
    },
  ],
  [
    "JSON that trickles for ever",
    /the answer was not whole after 1 s/u,
    () => {
      answerTo(
        hub,
        listing,
        trickles((response) => void response.writeHead(200, json), " ", 50),
      );
    },
  ],
  [
    "headers that trickle for ever",
    /nothing came for 0\.2 s/u,
    () => {
      answerTo(hub, listing, (request) => {
        request.socket.write("HTTP/1.1 200 OK\r\nx-a: ");
        const timer = setInterval(() => request.socket.write("a"), 50);
        request.socket.on("close", () => clearInterval(timer));
      });
    },
  ],
  [
    "no answer",
    /nothing came for 0\.2 s/u,
    () => {
      answerTo(hub, listing, () => undefined);
    },
  ],
  [
    "half of an answer",
    /nothing came for 0\.2 s/u,
    () => {
      answerTo(hub, listing, (_request, response) => void response.writeHead(200, json).write("{"));
    },
  ],
  [
    "something that is not HTTP",
    /cannot be reached/u,
    () => {
      answerTo(hub, listing, (request) => void request.socket.end("SSH-2.0-OpenSSH_9.6\r\n"));
    },
  ],
  [
    "a closed door",
    /cannot be reached/u,
    () => {
      answerTo(hub, listing, (request) => void request.socket.destroy());
    },
  ],
];

const statuses: readonly Behaviour[] = [
  ...[429, 500, 502, 503, 504].map((status): Behaviour => [
    `${status} once`,
    /^fetched$/u,
    () => answerTo(hub, /./u, sends(status), 1),
  ]),
  ["503 once for a file", /^fetched$/u, () => answerTo(hub, store, sends(503), 1)],
  ["500 each time", /answers 500: the hub failed/u, () => answerTo(hub, listing, sends(500))],
  [
    "429 and zero seconds",
    /^fetched$/u,
    () => {
      answerTo(hub, listing, sends(429, { "retry-after": 0 }), 1);
    },
  ],
  [
    "429 and a date that is past",
    /^fetched$/u,
    () => {
      answerTo(hub, store, sends(429, { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }), 1);
    },
  ],
  [
    "429 and a day",
    /answers 429: too many.*asks to wait 86400 s, which is longer/u,
    () => {
      answerTo(hub, listing, sends(429, { "retry-after": 86_400 }));
    },
  ],
  [
    "503 and a date next year",
    /asks to wait \d{7,} s, which is longer/u,
    () => {
      const date = new Date(Date.now() + 3.2e10).toUTCString();
      answerTo(hub, store, sends(503, { "retry-after": date }));
    },
  ],
  [
    "429 and a limit of its own",
    /asks to wait 240 s/u,
    () => {
      answerTo(hub, listing, sends(429, { ratelimit: '"api";r=0;t=240' }));
    },
  ],
  [
    "429 and nonsense",
    /^fetched$/u,
    () => {
      answerTo(hub, listing, sends(429, { "retry-after": "soon" }), 1);
    },
  ],
  ["403", /answers 403: your token may not do this/u, () => answerTo(hub, listing, sends(403))],
  [
    "403 for a gated model",
    /answers 403: it is gated: accept its terms.* It says: Access to a b$/u,
    () => {
      const headers = { "x-error-code": "GatedRepo", "x-error-message": "Access to a\tb" };
      answerTo(hub, /HEAD/u, sends(403, headers));
    },
  ],
  ["418", /answers 418: the hub does not say why/u, () => answerTo(hub, listing, sends(418))],
  ["204 for a file", /answers 204 where a whole file/u, () => answerTo(hub, store, sends(204))],
];

describe.each([
  ["lists", listings],
  ["answers", statuses],
])("a hub that %s", (_group, behaviours) => {
  test.each(behaviours)("%s", async (_name, outcome, arrange) => {
    arrange();
    const start = Date.now();
    expect(await tryDownload(trial)).toMatch(outcome);
    expect(Date.now() - start).toBeLessThan(20_000);
    expect(await damageOf(trial)).toEqual([]);
  });
});

test("a model that is in the cache is used, and said to be, where the hub is down or not itself", async () => {
  expect(await tryDownload(trial)).toBe("fetched");
  for (const answer of [sends(503), sends(429), sends(200, {}, "<html>"), () => undefined]) {
    trial.notices.length = 0;
    hub.intercept = () => false;
    answerTo(hub, listing, answer);
    expect(await tryDownload(trial)).toBe("fetched");
    expect(trial.notices.join()).toMatch(/The copy in the cache is used: .*snapshots/u);
  }
  answerTo(hub, listing, sends(403));
  expect(await tryDownload(trial)).toMatch(/answers 403/u);
});

test("a commit that is asked for is the one that comes", async () => {
  const other = "d".repeat(40);
  expect(await tryDownload(trial, `hf:owner/name@${other}`)).toMatch(/answers for commit [0-9a-f]{40}/u);
});

test("JavaScript that is busy for longer than the time-out breaks no connection", async () => {
  const { settings } = trial;
  const body = await (await fetch(`${hub.endpoint}/api/models/owner/name/revision/main`)).text();
  answerTo(hub, listing, (_request, response) => {
    setTimeout(() => response.end(body), 100);
    setTimeout(() => {
      const until = Date.now() + 3 * settings.timeout;
      while (Date.now() < until); // the answer comes as soon as this ends
    }, 20);
  });
  const once = { ...settings, retry: { ...settings.retry, retries: 0 } };
  expect(await tryDownload({ ...trial, settings: once })).toBe("fetched");
});

afterAll(() => {
  const count = listings.length + statuses.length;
  console.log(`hostile hub, answers: ${count} behaviours tried, none hung.`);
});
