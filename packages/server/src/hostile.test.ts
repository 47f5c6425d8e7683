// What strangers send, over real connections: it is refused for itself, and the server goes on.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ServedModel } from "./features.ts";
import { exchangeRaw, rawClient, statusesIn } from "./fixtures/raw.ts";
import { nanoModel, picture, post, serve, type Running } from "./fixtures/serve-nano.ts";

let model: ServedModel;
let running: Running;
const errors: unknown[] = [];
const url = (path: string): string => `${running.url}${path}`;
const limits = { bodyBytes: 400_000, pixels: 1_000_000, inputs: 8, headTime: 600, bodyTime: 600, characters: 2000 };

beforeAll(async () => {
  model = await nanoModel();
  running = await serve(model, { limits, onError: (error) => void errors.push(error) });
});
afterEach(async () => {
  const health = await fetch(url("/health"));
  expect([health.status, errors]).toEqual([200, []]);
});
afterAll(async () => {
  await running.close();
  model.embedder.dispose();
});

/** Status and code of what a body is answered with. */
async function refused(body: BodyInit | null, headers: Record<string, string> = {}, path = "/v1/embeddings") {
  const type = { "content-type": "application/json" };
  const response = await fetch(url(path), { method: "POST", headers: { ...type, ...headers }, body });
  const { error } = (await response.json()) as { readonly error: { readonly code: string } };
  return [response.status, error.code];
}

/** A request as bytes, its connection closed after it. */
const raw = (line: string, headers: readonly string[] = [], body = ""): string =>
  [line, "host: 127.0.0.1", "connection: close", ...headers, "", body].join("\r\n");

describe("bodies", () => {
  test("too large, as said or as sent", async () => {
    const large = JSON.stringify({ input: "x".repeat(500_000) });
    expect(await refused(large)).toEqual([413, "body_too_large"]);
    const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    const head = raw("POST /v1/embeddings HTTP/1.1", ["content-type: application/json", "transfer-encoding: chunked"]);
    const client = rawClient(running.port);
    client.write(head);
    for (let sent = 0; sent < 20; sent++) client.write(chunk);
    expect(statusesIn(await client.ended)).toEqual([413]);
    const said = raw("POST /v1/embeddings HTTP/1.1", [
      "content-type: application/json",
      "content-length: 999999999999",
    ]);
    expect(statusesIn(await exchangeRaw(running.port, said))).toEqual([413]);
  });

  test("of another type, packed, no JSON, or no UTF-8", async () => {
    expect(await refused('{"input":"a"}', { "content-type": "text/plain" })).toEqual([415, "not_json"]);
    expect(await refused(gzipSync('{"input":"a"}'), { "content-encoding": "gzip" })).toEqual([415, "encoded_body"]);
    expect(await refused(gzipSync('{"input":"a"}'))).toEqual([400, "bad_json"]);
    for (const body of ["", "{", "[", "nul", "{'input':1}", '{"input":"a"}}', "\u0000"]) {
      expect(await refused(body), body).toEqual([400, "bad_json"]);
    }
    expect(await refused(Buffer.from([0x22, 0xff, 0xfe, 0x22]))).toEqual([400, "bad_json"]);
  });

  test("deep, of other shapes, and with keys of prototypes", async () => {
    expect(await refused("[".repeat(200_000))).toEqual([400, "deep_json"]);
    expect(await refused(`{"input":${"[".repeat(100_000)}${"]".repeat(100_000)}}`)).toEqual([400, "deep_json"]);
    const bodies = [
      "null",
      "[]",
      "7",
      '"a"',
      '{"input":null}',
      '{"input":{}}',
      '{"input":[null]}',
      '{"input":1e999}',
      '{"input":"a","encoding_format":["float"]}',
      '{"input":"a","partial":"yes"}',
      '{"input":"a","__proto__":{"admin":true}}',
      '{"input":"a","constructor":{"prototype":{}}}',
      '{"__proto__":{"input":"a"}}',
      '{"input":{"text":"a","toString":"b"}}',
    ];
    for (const body of bodies) expect(await refused(body), body).toEqual([400, "bad_body"]);
    expect(({} as { readonly admin?: boolean }).admin).toBeUndefined();
  });

  test("with more inputs, labels and prompts than may be", async () => {
    const input = Array.from({ length: 9 }, () => "a");
    expect(await refused(JSON.stringify({ input }))).toEqual([400, "too_many_inputs"]);
    const image = (await picture(1)).toString("base64");
    const classify = (body: object) => refused(JSON.stringify({ image, ...body }), {}, "/v1/classify");
    const labels = Array.from({ length: 2000 }, (_, at) => `label ${at}`);
    expect(await classify({ labels })).toEqual([400, "too_many_inputs"]);
    expect(await classify({ labels: ["a"], templates: ["no slot"] })).toEqual([400, "bad_body"]);
    expect(await classify({ labels: ["a"], images: [image] })).toEqual([400, "bad_body"]);
    expect(await classify({ labels: [] })).toEqual([400, "bad_body"]);
  });
});

describe("pictures", () => {
  const image = (bytes: Uint8Array): string =>
    JSON.stringify({ input: { image: Buffer.from(bytes).toString("base64") } });
  const fixture = (name: string): Buffer =>
    readFileSync(fileURLToPath(new URL(`../../node/src/fixtures/images/${name}`, import.meta.url)));

  test("that unpack to more pixels than may be, or claim to", async () => {
    expect(await refused(image(fixture("bomb.png")))).toEqual([400, "picture_too_large"]);
    expect(await refused(image(Buffer.from("P6 60000 60000 255\n")))).toEqual([400, "picture_too_large"]);
  });

  test("that are none, are cut, or are of a form that runs programs", async () => {
    const png = await picture(2);
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>';
    for (const bytes of [Buffer.from("GIF89a"), Buffer.from(svg), Buffer.from("%PDF-1.4"), Buffer.alloc(1000)]) {
      expect(await refused(image(bytes)), bytes.toString("latin1", 0, 20)).toEqual([400, "bad_picture"]);
    }
    expect(await refused(image(png.subarray(0, png.length - 30)))).toEqual([400, "bad_data"]);
  });

  test("whose text is no base64, or whose data URL is another's", async () => {
    const cases = [
      ["not base64!", "bad_base64"],
      ["AAAA====", "bad_base64"],
      ["../../etc/passwd", "bad_base64"],
      ["/etc/passwd", "bad_picture"],
      ["file:///etc/passwd", "bad_base64"],
      ["data:text/html;base64,PGI+", "bad_data_url"],
      ["data:image/png,rawbytes", "bad_data_url"],
      ["data:image/png;base64,****", "bad_base64"],
      ["http://169.254.169.254/latest/meta-data", "urls_not_allowed"],
      ["https://example.com/cat.png", "urls_not_allowed"],
    ] as const;
    for (const [given, code] of cases) {
      expect(await refused(JSON.stringify({ input: { image: given } })), given).toEqual([400, code]);
    }
  });

  test("a bad one fails alone while others of the same batch are answered", async () => {
    const good = { input: { image: (await picture(3)).toString("base64") } };
    const bad = { input: { image: Buffer.from("P6 5 5 255\nshort").toString("base64") } };
    const bodies = Array.from({ length: 40 }, (_, at) => (at % 3 === 0 ? bad : good));
    const responses = await Promise.all(bodies.map((body) => post(url("/v1/embeddings"), body)));
    expect(responses.map(({ status }) => status)).toEqual(bodies.map((body) => (body === bad ? 400 : 200)));
    const texts = await Promise.all(responses.map((response) => response.text()));
    expect(new Set(texts.filter((_, at) => at % 3 !== 0)).size).toBe(1);
  });
});

describe("requests", () => {
  test("to paths that lead elsewhere, or with methods that are none of theirs", async () => {
    const paths = [
      "/",
      "/v1",
      "/v1/embeddings/",
      "/../etc/passwd",
      "/..%2f..%2fetc/passwd",
      "/v1/%00",
      "//evil.example/v1",
    ];
    for (const path of paths) {
      const text = await exchangeRaw(running.port, raw(`GET ${path} HTTP/1.1`));
      expect([404, 400], `${path} ${text}`).toContain(statusesIn(text)[0]);
    }
    for (const line of [
      "GET /v1/embeddings",
      "DELETE /v1/models",
      "PUT /health",
      "OPTIONS /v1/embeddings",
      "TRACE /health",
    ]) {
      const [status = 0] = statusesIn(await exchangeRaw(running.port, raw(`${line} HTTP/1.1`)));
      expect([405, 400, 501], line).toContain(status);
    }
    expect(statusesIn(await exchangeRaw(running.port, raw("POST /v1/search HTTP/1.1", ["content-length: 0"])))).toEqual(
      [404],
    );
  });

  test("with lines and headers that are no HTTP", async () => {
    const lines = [
      "GARBAGE\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "\u0016\u0003\u0001\u0002\u0000\u0001",
      raw("GET /health HTTP/1.1", ["bad header: x"]),
      raw("GET /health HTTP/1.1", ["content-length: -1"]),
      raw("POST /v1/embeddings HTTP/1.1", ["content-length: 4", "transfer-encoding: chunked"], "0\r\n\r\n"),
      raw("POST /v1/embeddings HTTP/1.1", ["content-length: 4", "content-length: 5"], "abcde"),
      raw("POST /v1/embeddings HTTP/1.1", ["transfer-encoding: chunked"], "zz\r\n\r\n"),
      raw("GET /health HTTP/1.1", ["x: a\u0000b"]),
      "GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx: y\n injected: z\r\n\r\n",
    ];
    for (const line of lines) {
      const [status] = statusesIn(await exchangeRaw(running.port, line));
      expect(status, JSON.stringify(line)).toBe(400);
    }
    const huge = raw("GET /health HTTP/1.1", [`x: ${"y".repeat(40_000)}`]);
    expect(statusesIn(await exchangeRaw(running.port, huge))).toEqual([431]);
  });

  test("whose heads or bodies do not come", async () => {
    const head = rawClient(running.port);
    head.write("POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\nx:");
    const body = rawClient(running.port);
    const type = "content-type: application/json";
    body.write(raw("POST /v1/embeddings HTTP/1.1", [type, "content-length: 100"], '{"input"'));
    const silent = rawClient(running.port);
    expect(statusesIn(await head.ended)).toEqual([408]);
    expect(statusesIn(await body.ended)).toEqual([408]);
    silent.end();
  });

  test("by another name, as pages that were led here would", async () => {
    for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "0.0.0.0", ""]) {
      const request = `GET /health HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
      expect([400, 403], host).toContain(statusesIn(await exchangeRaw(running.port, request))[0]);
    }
    for (const host of ["localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:8"]) {
      const request = `GET /health HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
      expect(statusesIn(await exchangeRaw(running.port, request)), host).toEqual([200]);
    }
  });

  test("of HTTP/1.0, and several in one piece", async () => {
    expect(await exchangeRaw(running.port, "GET /health HTTP/1.0\r\nhost: localhost\r\n\r\n")).toMatch(
      /^HTTP\/1.1 200/,
    );
    const one = "GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    const last = raw("GET /health HTTP/1.1");
    expect(statusesIn(await exchangeRaw(running.port, one.repeat(20) + last))).toEqual(Array(21).fill(200));
  });

  test("whose words would become headers or pages of the answer", async () => {
    const response = await post(url("/v1/embeddings"), { model: "x\r\nset-cookie: a=b<script>", input: "a" });
    expect([response.status, response.headers.get("set-cookie")]).toEqual([404, null]);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });
});
