// What happens when more comes than can be done, or the engine fails.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ServedModel } from "./features.ts";
import { rawClient, statusesIn } from "./fixtures/raw.ts";
import { nanoModel, pictureUrl, post, serve } from "./fixtures/serve-nano.ts";

let model: ServedModel;
beforeAll(async () => {
  model = await nanoModel();
});
afterAll(() => model.embedder.dispose());

/** The model, whose engine stands still while it is held, and fails or errs when told to. */
function heldModel() {
  const state: { gate?: Promise<void>; fails?: boolean; errs?: boolean; calls: number } = { calls: 0 };
  let open = (): void => undefined;
  const through = async (run: () => Promise<Float32Array>): Promise<Float32Array> => {
    state.calls++;
    await state.gate;
    if (state.fails === true) throw new Error("out of memory at /secret/place");
    const rows = await run();
    return state.errs === true ? rows.map((value) => -value) : rows;
  };
  const embedder: ServedModel["embedder"] = {
    ...model.embedder,
    images: (pixels, rows) => through(() => model.embedder.images(pixels, rows)),
    texts: (texts) => through(() => model.embedder.texts(texts)),
  };
  const hold = (): void => {
    state.gate = new Promise((resolve) => (open = resolve));
  };
  const letGo = (): void => {
    delete state.gate;
    open();
  };
  return { held: { ...model, embedder }, state, hold, letGo };
}

/** Looks until something is so. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}

const metric = (text: string, line: string): number =>
  Number(
    text
      .split("\n")
      .find((each) => each.startsWith(line))
      ?.split(" ")
      .at(-1) ?? Number.NaN,
  );

test("a full queue answers 429 at once and says when to come back; what was taken on is answered", async () => {
  const { held, hold, letGo } = heldModel();
  const running = await serve(held, { limits: { queue: 4, batch: 2 } });
  hold();
  const body = { input: ["a", "b"] };
  const taken = [post(`${running.url}/v1/embeddings`, body), post(`${running.url}/v1/embeddings`, body)];
  await until(async () => metric(await running.server.metrics(), "clip_ts_inputs") === 4);
  const full = await post(`${running.url}/v1/embeddings`, body);
  expect([full.status, full.headers.get("retry-after")]).toEqual([429, "1"]);
  expect(await full.json()).toMatchObject({ error: { type: "rate_limit_error", code: "server_busy" } });
  letGo();
  expect((await Promise.all(taken)).map(({ status }) => status)).toEqual([200, 200]);
  expect(metric(await running.server.metrics(), 'clip_ts_rejected_total{reason="inputs"}')).toBe(1);
  await running.close();
});

test("more requests than may be are answered 429 before their bodies come", async () => {
  const { held, hold, letGo } = heldModel();
  const running = await serve(held, { limits: { requests: 2, deadline: 600_000, bodyTime: 600_000 } });
  hold();
  const first = post(`${running.url}/v1/embeddings`, { input: "a" });
  const half = rawClient(running.port);
  const head = "POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n";
  const body = JSON.stringify({ input: "b" });
  half.write(`${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n{`);
  await until(async () => metric(await running.server.metrics(), "clip_ts_requests_in_flight") === 2);
  const full = rawClient(running.port);
  full.write(`${head}content-type: application/json\r\ncontent-length: 1000000\r\n\r\n{`); // the rest never comes
  const answer = await full.ended;
  expect([statusesIn(answer), answer]).toEqual([[429], expect.stringMatching(/retry-after: 1\r\n/iu)]);
  expect((await fetch(`${running.url}/v1/models`)).status).toBe(200);
  half.write(body.slice(1));
  letGo();
  expect([(await first).status, statusesIn(await half.ended)]).toEqual([200, [200]]);
  const text = await running.server.metrics();
  expect([
    metric(text, "clip_ts_requests_in_flight"),
    metric(text, 'clip_ts_rejected_total{reason="requests"}'),
  ]).toEqual([0, 1]);
  await running.close();
});

test("bodies of all requests together are bounded", async () => {
  const { held, hold, letGo } = heldModel();
  const running = await serve(held, { limits: { bodyBytesAtOnce: 3000 } });
  hold();
  const body = { input: "x".repeat(2000) };
  const first = post(`${running.url}/v1/embeddings`, body);
  await until(async () => metric(await running.server.metrics(), "clip_ts_body_bytes") > 2000);
  expect((await post(`${running.url}/v1/embeddings`, body)).status).toBe(429);
  letGo();
  expect((await first).status).toBe(200);
  expect(metric(await running.server.metrics(), "clip_ts_body_bytes")).toBe(0);
  await running.close();
});

test("what is not answered in time is answered 503 and leaves the queue", async () => {
  const { held, hold, letGo } = heldModel();
  const running = await serve(held, { limits: { deadline: 200, batch: 2 } });
  hold();
  const bodies = Array.from({ length: 6 }, (_, at) => ({ input: `text ${at}` }));
  const responses = await Promise.all(bodies.map((body) => post(`${running.url}/v1/embeddings`, body)));
  expect(responses.map(({ status }) => status)).toEqual(Array(6).fill(503));
  expect(await responses[0]?.json()).toMatchObject({ error: { type: "server_error", code: "deadline" } });
  expect(metric(await running.server.metrics(), "clip_ts_queue_inputs")).toBe(0);
  letGo();
  expect((await post(`${running.url}/v1/embeddings`, { input: "a" })).status).toBe(200);
  await running.close();
});

test("the time that a body takes counts", async () => {
  const running = await serve(model, { limits: { deadline: 200, bodyTime: 600_000, headTime: 600_000 } });
  const client = rawClient(running.port);
  client.write("POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n");
  client.write('content-type: application/json\r\ncontent-length: 100\r\n\r\n{"input"');
  const answer = await client.ended;
  expect([statusesIn(answer), answer]).toEqual([[503], expect.stringContaining('"code":"deadline"')]);
  expect(metric(await running.server.metrics(), "clip_ts_requests_in_flight")).toBe(0);
  await running.close();
});

test("work of a client that went away is not done", async () => {
  const { held, state, hold, letGo } = heldModel();
  const running = await serve(held, { limits: { batch: 2 } });
  hold();
  const first = post(`${running.url}/v1/embeddings`, { input: "first" });
  await until(() => running.server.inFlight() === 1);
  const control = new AbortController();
  const images = await Promise.all([1, 2, 3].map(pictureUrl));
  const gone = fetch(`${running.url}/v1/embeddings`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ input: images }),
    signal: control.signal,
  });
  await until(async () => metric(await running.server.metrics(), "clip_ts_queue_inputs") === 3);
  control.abort();
  await expect(gone).rejects.toThrow("aborted");
  await until(async () => metric(await running.server.metrics(), "clip_ts_dropped_total") === 1);
  expect(metric(await running.server.metrics(), "clip_ts_queue_inputs")).toBe(0);
  const { calls } = state;
  letGo();
  expect((await first).status).toBe(200);
  expect(state.calls).toBe(calls);
  await running.close();
});

test("health tells an engine that fails, and one that errs, from one that is well", async () => {
  const { held, state } = heldModel();
  const errors: string[] = [];
  const running = await serve(held, { onError: (error) => void errors.push(String(error)) });
  const health = async () => {
    const response = await fetch(`${running.url}/health`);
    return [response.status, ((await response.json()) as { readonly reason?: string }).reason];
  };
  expect(await health()).toEqual([200, undefined]);
  const { calls } = state;
  await Promise.all(Array.from({ length: 50 }, health));
  expect(state.calls - calls).toBeLessThan(50); // asked at once they share an answer: each on its own would be 100
  state.errs = true;
  await until(async () => (await health())[0] === 503);
  expect((await health())[1]).toBe("a known picture gives another vector than when the server started");
  state.errs = false;
  await until(async () => (await health())[0] === 200);
  state.fails = true;
  const failed = await post(`${running.url}/v1/embeddings`, { input: "a" });
  expect([failed.status, await failed.text()]).toEqual([500, expect.not.stringContaining("secret")]);
  expect(errors).toEqual(["Error: out of memory at /secret/place"]);
  await running.close();
});

test("a server that closes answers what is in flight, takes nothing more, and cuts what lasts too long", async () => {
  const { held, hold, letGo } = heldModel();
  const running = await serve(held);
  const idle = rawClient(running.port);
  idle.write("GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  await until(async () => metric(await running.server.metrics(), 'clip_ts_requests_total{route="/health"') === 1);
  hold();
  const last = post(`${running.url}/v1/embeddings`, { input: "last" });
  await until(() => running.server.inFlight() === 1);
  const closed = running.close();
  expect(statusesIn(await idle.ended)).toEqual([200]);
  await expect(fetch(`${running.url}/health`)).rejects.toThrow("fetch failed");
  letGo();
  const response = await last;
  expect([response.status, response.headers.get("connection"), await closed]).toEqual([200, "close", true]);

  const stuck = await serve(held, { limits: { drain: 50 } });
  hold();
  const cut = post(`${stuck.url}/v1/embeddings`, { input: "never" }).catch(() => "cut");
  await until(() => stuck.server.inFlight() === 1);
  const ended = stuck.close();
  expect(await cut).toBe("cut");
  letGo();
  expect([await ended, stuck.server.inFlight()]).toEqual([false, 0]);
});
