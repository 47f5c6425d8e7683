import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ClipError } from "@clip-ts/base";
import { createAdaptorServer } from "@hono/node-server";
import type { ClipServer } from "./create-server.ts";

/** Where a server listens. */
export interface Listening {
  readonly port: number;
  /** http://HOST:PORT */
  readonly url: string;
  /**
   * Takes no more connections, answers what is in flight within the limit `drain`, and cuts what is left. Another call waits for
   * the same end.
   * @returns whether everything was answered.
   */
  close(): Promise<boolean>;
}

/** Milliseconds between two looks for connections that are too slow. */
const checkEvery = 1000;
const mostHeaderBytes = 2 ** 14;

function nodeServer({ fetch, limits }: ClipServer, isClosing: () => boolean): Server {
  const server = createAdaptorServer({
    fetch: async (request) => {
      const response = await fetch(request);
      if (isClosing()) response.headers.set("connection", "close");
      return response;
    },
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout: limits.headTime,
      requestTimeout: limits.headTime + limits.bodyTime,
      connectionsCheckingInterval: checkEvery,
      keepAliveTimeout: 5000,
      maxHeaderSize: mostHeaderBytes,
    },
  }) as Server;
  server.maxConnections = limits.connections;
  return server;
}

/** Milliseconds between two looks whether work has ended, and how many there are. */
const [lookEvery, mostLooks] = [10, 500];

async function drained(server: Server, { inFlight, limits }: ClipServer): Promise<boolean> {
  const closed = once(server, "close").then(() => true);
  server.close();
  server.closeIdleConnections();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limits.drain);
  });
  const isDone = await Promise.race([closed, late]);
  clearTimeout(timer);
  server.closeAllConnections();
  await closed;
  // What was cut leaves the engine at the end of its batch: only then may the model be freed.
  for (let look = 0; inFlight() > 0 && look < mostLooks; look++) await sleep(lookEvery);
  return isDone;
}

/** Has a server answer requests at its host. Port 0 is one that is free. @throws ClipError "not-found" for a port that is taken. */
export async function listen(served: ClipServer, port = 8080): Promise<Listening> {
  let closing: Promise<boolean> | undefined;
  const server = nodeServer(served, () => closing !== undefined);
  const { host } = served;
  try {
    server.listen({ host, port, backlog: 1024 });
    await once(server, "listening");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError("not-found", `Cannot listen at ${host}:${port} (${reason}): give another --port or --host.`, {
      data: { host, port },
      cause,
    });
  }
  const { port: taken } = server.address() as AddressInfo;
  const shownHost = host.includes(":") ? `[${host}]` : host;
  return {
    port: taken,
    url: `http://${shownHost}:${taken}`,
    close: () => (closing ??= drained(server, served)),
  };
}
