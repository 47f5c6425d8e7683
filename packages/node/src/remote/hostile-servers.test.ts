import { rm } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  filesIn,
  md5,
  newCache,
  noStore,
  quick,
  shard,
  startFaultServer,
  startOf,
  tryHold,
  type Answer,
  type FaultServer,
} from "./fixtures/fault-server.ts";
import { storeFor, type EveryStore } from "./store-for.ts";

let server: FaultServer;
let cacheFolder: string;
let store: EveryStore;
const notices: string[] = [];
beforeEach(async () => {
  notices.length = 0;
  server = await startFaultServer();
  cacheFolder = await newCache();
  store = storeFor(noStore, { ...quick, cacheFolder, onNotice: (message) => void notices.push(message) });
});
afterEach(async () => {
  await store.close();
  await server.close();
  await rm(cacheFolder, { recursive: true });
});

const length = shard.byteLength;

/** The head of a whole or partial answer. */
const head = (request: Parameters<Answer>[0], rest: Record<string, string | number> = {}) => {
  const start = startOf(request);
  const range = start > 0 && { "content-range": `bytes ${start}-${length - 1}/${length}` };
  return { etag: '"v1"', "content-length": length - start, ...range, ...rest };
};

/** Sends so many bytes of what was asked for and breaks off. */
const cutAfter =
  (bytes: number): Answer =>
  (request, response) => {
    const start = startOf(request);
    response.writeHead(start > 0 ? 206 : 200, head(request));
    response.write(shard.subarray(start, start + bytes), () => response.destroy());
  };

/** Sends so many bytes, and then nothing more. */
const stallAfter =
  (bytes: number): Answer =>
  (request, response) => {
    const start = startOf(request);
    response.writeHead(start > 0 ? 206 : 200, head(request));
    response.write(shard.subarray(start, start + bytes));
  };

const status = (code: number, headers: Record<string, string> = {}, body: string | Uint8Array = ""): Answer => {
  return (_request, response) => void response.writeHead(code, headers).end(body);
};

/** What no HTTP library would send. */
const raw =
  (...parts: (string | Uint8Array)[]): Answer =>
  ({ socket }) => {
    for (const part of parts) socket.write(part);
    socket.end();
  };

/** Lets the first `times` GETs be answered so. */
const gets = (answer: Answer, times = Infinity): void => {
  let left = times;
  server.intercept = ({ method }) => (method === "GET" && left-- > 0 ? answer : undefined);
};

type Behaviour = readonly [name: string, outcome: "equal" | RegExp, tries: number, arrange: () => void];

const behaviours: readonly Behaviour[] = [
  ["is honest", "equal", 2, () => undefined],
  ["cuts the connection twice", "equal", 4, () => gets(cutAfter(700_000), 2)],
  [
    "cuts it after next to nothing, for ever",
    /connection broke.*tried 5 times.*bytes that arrived are kept/u,
    6,
    () => gets(cutAfter(1000)),
  ],
  ["cuts often, but brings a MiB each time", "equal", 4, () => gets(cutAfter(1.2 * 2 ** 20))], // the last bytes before a cut may be lost
  ["stalls, and then goes on", "equal", 3, () => gets(stallAfter(500_000), 1)],
  ["stalls for ever", /nothing came for 0\.4 s.*`timeout` sets this.*tried 5 times/u, 6, () => gets(stallAfter(100))],
  ["never answers", /nothing came for 0\.4 s.*tried 5 times/u, 6, () => gets(() => undefined)],
  ["answers 500 three times", "equal", 5, () => gets(status(500), 3)],
  ["answers 503 for ever", /answers 503.*tried 5 times/u, 6, () => gets(status(503))],
  ["asks to wait a second", "equal", 3, () => gets(status(429, { "retry-after": "1" }), 1)],
  ["asks to wait an hour", /longer than clip-ts waits/u, 2, () => gets(status(429, { "retry-after": "3600" }))],
  ["answers 400", /answers 400.*tried once/u, 2, () => gets(status(400))],
  ["answers 403", /answers 403.*user:password@.*`headers`/u, 2, () => (server.intercept = () => status(403))],
  ["answers 401", /answers 401.*not signed in.*`headers`/u, 1, () => (server.intercept = () => status(401))],
  ["has no such file", /there is no such file/u, 1, () => (server.intercept = () => status(404))],
  ["loses the file", /is gone/u, 2, () => gets(status(404))],
  ["closes in the middle of a head", "equal", 3, () => gets(raw("HTTP/1.1 200 OK\r\nconten"), 1)],
  ["speaks no HTTP", /cannot be reached.*tried 5 times/u, 6, () => gets(raw("HELLO\r\n\r\n"))],
  [
    "sends less than it said",
    "equal",
    3,
    () => gets(raw(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`, shard.subarray(0, 9999)), 1),
  ],
  [
    "sends more than it said",
    /sends more than|sends 3000001 bytes where it said 3000000/u,
    2,
    () =>
      gets((request, response) =>
        response
          .writeHead(200, head(request, { "content-length": length + 1 }))
          .end(Buffer.concat([shard, shard.subarray(0, 1)])),
      ),
  ],
  [
    "sends more in pieces than it said",
    /sends more than the 3000000 bytes/u,
    2,
    () => gets((_request, response) => response.writeHead(200, { etag: '"v1"' }).end(Buffer.concat([shard, shard]))),
  ],
  [
    "says less than it said before",
    /sends 10 bytes where it said 3000000/u,
    2,
    () => gets(status(200, { etag: '"v1"', "content-length": "10" }, "0123456789")),
  ],
  [
    "sends in pieces, without a length",
    "equal",
    2,
    () => gets((_request, response) => void response.writeHead(200, { etag: '"v1"' }).end(shard)),
  ],
  [
    "knows no ranges",
    "equal",
    3,
    () => {
      let count = 0;
      gets((request, response) =>
        count++ === 0
          ? cutAfter(9999)(request, response)
          : response.writeHead(200, { etag: '"v1"', "content-length": length }).end(shard),
      );
    },
  ],
  [
    "continues elsewhere than asked",
    "equal",
    4,
    () => {
      let count = 0;
      gets((request, response) => {
        count++;
        if (count === 1) return cutAfter(9999)(request, response);
        if (count > 2) return server.honest(request, response);
        response.writeHead(206, { etag: '"v1"', "content-range": `bytes 0-${length - 1}/${length}` }).end(shard);
      });
    },
  ],
  [
    "answers 416 to a rest",
    "equal",
    4,
    () => {
      let count = 0;
      const answers = [cutAfter(9999), status(416)];
      gets((request, response) => (answers[count++] ?? server.honest)(request, response));
    },
  ],
  [
    "always continues wrongly",
    /tried 5 times/u,
    6,
    () =>
      gets((request, response) => {
        if (startOf(request) === 0) return cutAfter(9999)(request, response);
        response
          .writeHead(206, { etag: '"v1"', "content-range": `bytes 5-${length - 1}/${length}` })
          .end(shard.subarray(5));
      }),
  ],
  [
    "redirects in circles",
    /sends on more than 10 times/u,
    1,
    () => (server.intercept = () => status(302, { location: "/again" })),
  ],
  [
    "redirects to a file",
    /sends on to a file: address.*not followed/u,
    1,
    () => (server.intercept = () => status(302, { location: "file:///etc/passwd" })),
  ],
  ["redirects without an address", /answers 302 without an address/u, 1, () => (server.intercept = () => status(302))],
  [
    "packs what it sends",
    /packed \(Content-Encoding\)/u,
    2,
    () => gets(status(200, { etag: '"v1"', "content-encoding": "gzip" }, gzipSync(shard))),
  ],
  [
    "answers with a page",
    /answers with a page/u,
    1,
    () => (server.intercept = () => status(200, { "content-type": "text/html", "content-length": "5" })),
  ],
  [
    "tells no length at all",
    /does not say how long the file is/u,
    2,
    () => (server.intercept = () => (_request, response) => void response.writeHead(200).end("in pieces")),
  ],
  [
    "sends damaged bytes once",
    "equal",
    3,
    () => {
      let isFirst = true;
      server.intercept =
        ({ method }) =>
        (request, response) => {
          response.setHeader("content-md5", md5(shard));
          if (method === "HEAD" || !isFirst) return server.honest(request, response);
          isFirst = false;
          response.writeHead(200, head(request)).end(shard.toReversed());
        };
    },
  ],
  [
    "sends damaged bytes for ever",
    /arrived damaged: its md5 is .*tried 5 times/u,
    6,
    () => {
      server.intercept = () => (request, response) => {
        response.setHeader("content-md5", md5(shard.subarray(1)));
        server.honest(request, response);
      };
    },
  ],
];

test.each(behaviours)("a server that %s: %s after %i requests", async (_name, outcome, tries, arrange) => {
  arrange();
  const result = await tryHold(store, `${server.origin}/00000.tar`);
  if (outcome === "equal") expect(result).toBe("equal");
  else expect(result).toMatch(outcome);
  expect(store.counts.tries).toBe(tries);
  expect(store.counts.fetched).toBe(outcome === "equal" ? 1 : 0);
});

test("what is cut goes on where it was cut, of the same version", async () => {
  gets(cutAfter(700_000), 1);
  expect(await tryHold(store, `${server.origin}/00000.tar`)).toBe("equal");
  const rest = server.sent.at(-1)?.headers;
  expect(Number(/^bytes=(\d+)-$/u.exec(rest?.range ?? "")?.[1])).toBeGreaterThan(0);
  expect(rest?.["if-range"]).toBe('"v1"');
  expect(store.counts).toMatchObject({ again: 1, bytes: length });
});

test("a file that changes while it is fetched is fetched anew, whole", async () => {
  const later = shard.toReversed();
  gets((request, response) => {
    cutAfter(700_000)(request, response);
    server.content = later;
    server.etag = '"v2"';
  }, 1);
  const held = await store.hold(`${server.origin}/00000.tar`);
  expect(held.version).toBe('"v2"');
  held.release();
  expect(await tryHold(store, `${server.origin}/00000.tar`, later)).toBe("equal");
  expect(notices.join()).toMatch(/was changed on the server while it was fetched/u);
});

test("a file without a version is never continued", async () => {
  server.etag = undefined;
  gets((_request, response) => {
    response.writeHead(200, { "content-length": length });
    response.write(shard.subarray(0, 5000), () => response.destroy());
  }, 1);
  expect(await tryHold(store, `${server.origin}/00000.tar`)).toBe("equal");
  expect(server.requests).toEqual(["HEAD /00000.tar", "GET /00000.tar", "GET /00000.tar"]);
});

test("a trickle counts as silence", async () => {
  store = storeFor(noStore, { ...quick, retry: { ...quick.retry, retries: 1 }, timeout: 200, cacheFolder });
  gets((request, response) => {
    response.writeHead(startOf(request) > 0 ? 206 : 200, head(request));
    const timer = setInterval(() => response.write("."), 20);
    response.on("close", () => clearInterval(timer));
  });
  expect(await tryHold(store, `${server.origin}/00000.tar`)).toMatch(/bytes in 200 ms.*tried 2 times/u);
});

test("closing ends what is under way and keeps what came", async () => {
  gets(stallAfter(200_000));
  const held = tryHold(store, `${server.origin}/00000.tar`);
  await expect.poll(() => store.counts.bytes).toBeGreaterThan(0);
  await store.close();
  expect(await held).toBe("The store of shards was closed.");
  expect(await filesIn(cacheFolder)).toEqual(["00000.tar.partial"]);
  await expect(store.facts(`${server.origin}/00000.tar`)).rejects.toThrow("was closed");
});
