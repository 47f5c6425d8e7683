import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answerTo, hubToken, sends, startLocalHub, type LocalHub } from "@clip-ts/test-utils";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { quick, weights, weightsHash } from "./fixtures/hostile.ts";
import { uploadFolder } from "./upload-folder.ts";

let hub: LocalHub;
let elsewhere: LocalHub;
const shown: unknown[] = [];
let folder: string;
beforeEach(async () => {
  hub = await startLocalHub();
  elsewhere = await startLocalHub();
  shown.length = 0;
  answerTo(elsewhere, /./u, (request, response) => {
    shown.push(request.headers.authorization);
    request.resume().on("end", () => response.writeHead(200, { etag: '"1"' }).end("{}"));
  });
  folder = await mkdtemp(join(tmpdir(), "clip-ts-push-"));
  await writeFile(join(folder, "model.safetensors"), weights);
  await writeFile(join(folder, "config.json"), "{}");
});
afterEach(async () => {
  await hub.close();
  await elsewhere.close();
  await rm(folder, { recursive: true });
});

const push = (): Promise<string> => {
  const settings = { ...quick, endpoint: hub.endpoint, cache: folder, token: hubToken };
  return uploadFolder(folder, "hf:owner/new", { settings }).then(
    () => "pushed",
    (error: unknown) => (error as Error).message,
  );
};

/** What the hub says about the weights. */
function tells(object: unknown): void {
  answerTo(hub, /objects\/batch$/u, sends(200, {}, JSON.stringify({ objects: [object] })));
}
const mine = { oid: weightsHash, size: weights.byteLength };
const upload = (href: unknown, rest: object = {}) => ({
  ...mine,
  actions: { upload: { href, ...rest }, verify: { href: `${elsewhere.endpoint}/verify` } },
});
const parts = (header: object) => upload(`${hub.endpoint}/complete/x`, { header });
const batch = /POST .*batch/u;
const commit = /POST .*\/commit\//u;

type Behaviour = readonly [name: string, outcome: RegExp, arrange: () => void];

const behaviours: readonly Behaviour[] = [
  ...[429, 500, 503].map((status): Behaviour => [
    `answers ${status} once to each question`,
    status === 500 ? /answers 500.*It may have been done all the same/u : /^pushed$/u,
    () => {
      for (const pattern of [/create/u, /preupload/u, batch, /PUT/u, /verify/u, commit])
        answerTo(hub, pattern, sends(status), 1);
    },
  ]),
  [
    "breaks off while it is sent a file",
    /^pushed$/u,
    () => {
      answerTo(
        hub,
        /PUT/u,
        (request) => {
          request.once("data", () => request.socket.destroy());
        },
        1,
      );
    },
  ],
  [
    "takes no bytes and says nothing",
    /nothing came for 0\.2 s/u,
    () => {
      answerTo(hub, /PUT/u, () => undefined);
    },
  ],
  [
    "goes silent once a file is sent",
    /^pushed$/u,
    () => {
      answerTo(hub, /PUT/u, (request) => void request.resume(), 1);
    },
  ],
  [
    "breaks off once it has the commit",
    /cannot be reached.*It may have been done all the same: look/u,
    () => {
      answerTo(hub, commit, (request) => {
        request.resume().on("end", () => request.socket.destroy());
      });
    },
  ],
  [
    "answers HTML",
    /answers with a page of HTML/u,
    () => {
      answerTo(hub, /preupload/u, sends(200, {}, "<html>"));
    },
  ],
  [
    "does not say how to send",
    /does not say how files are sent/u,
    () => {
      answerTo(hub, /preupload/u, sends(200, {}, "{}"));
    },
  ],
  ["speaks of another file", /does not say what to do with the file/u, () => tells({ oid: "f".repeat(64) })],
  ["speaks of no file", /does not say what to do with the file/u, () => tells(undefined)],
  [
    "refuses a file",
    /The hub refuses [0-9a-f]{64}: too large/u,
    () => {
      tells({ ...mine, error: { message: "too large" } });
    },
  ],
  ["sends to another server", /^pushed$/u, () => tells(upload(`${elsewhere.endpoint}/put`))],
  ["sends to no address", /tells to send a file to "nowhere"/u, () => tells(upload("nowhere"))],
  ["sends to a file", /tells to send a file to "file:\/\/\/etc\/a"/u, () => tells(upload("file:///etc/a"))],
  ["sends in parts of no size", /in 0 parts that do not make it up/u, () => tells(parts({ chunk_size: "0" }))],
  [
    "sends in too few parts",
    /in 1 parts that do not make it up/u,
    () => {
      tells(parts({ chunk_size: "1000", "00001": `${hub.endpoint}/part/x/1` }));
    },
  ],
  [
    "gives no ETag for a part",
    /took a part and gives no ETag/u,
    () => {
      tells(parts({ chunk_size: "300000", "00001": `${hub.endpoint}/part/x/1` }));
      answerTo(hub, /PUT/u, (request, response) => {
        request.resume().on("end", () => response.end());
      });
    },
  ],
  [
    "drops what is sent on the way",
    /a redirect that drops what is sent/u,
    () => {
      answerTo(hub, /preupload/u, sends(301, { location: "/elsewhere" }));
    },
  ],
  [
    "sends everything on to another server",
    /does not say how files are sent/u,
    () => {
      answerTo(hub, /./u, sends(307, { location: `${elsewhere.endpoint}/all` }));
    },
  ],
];

test.each(behaviours)("a hub that %s", async (_name, outcome, arrange) => {
  arrange();
  const start = Date.now();
  expect(await push()).toMatch(outcome);
  expect(Date.now() - start).toBeLessThan(20_000);
  expect(shown.filter((token) => token !== undefined)).toEqual([]);
  if (outcome.test("pushed")) expect(hub.uploads.commits).toHaveLength(1);
});

test("files are sent without the token, also to a store of the hub's own origin", async () => {
  const heard: unknown[] = [];
  hub.intercept = ({ method, headers }) => {
    heard.push(`${method} ${headers.authorization === undefined ? "without" : "with"} a token`);
    return false;
  };
  hub.uploads.partSize = 200_000;
  expect(await push()).toBe("pushed");
  expect(heard).toEqual([
    "POST with a token",
    "POST with a token",
    "POST with a token",
    "PUT without a token",
    "PUT without a token",
    "POST without a token", // the parts are whole: an address that grants the right, too
    "POST with a token",
    "POST with a token",
  ]);
});

test("a commit is sent once, unless the hub says that it did nothing", async () => {
  answerTo(hub, commit, sends(502));
  expect(await push()).toContain("It may have been done all the same");
  expect(hub.requests.filter((line) => commit.test(line))).toHaveLength(1);
});

afterAll(() => {
  console.log(`hostile hub, uploads: ${behaviours.length} behaviours tried, none hung.`);
});
