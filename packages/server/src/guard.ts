import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, Hono, MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";
import { refusal } from "./refusals.ts";

/** Who may ask, and from where. */
export interface GuardOptions {
  /** Without one everyone may ask. */
  readonly token?: string | undefined;
  /** Names that a request's Host may be, whatever its port; any if absent. */
  readonly hosts?: ReadonlySet<string> | undefined;
  /** Origins of pages that may read answers; none if empty. */
  readonly corsOrigins: readonly string[];
  readonly onRejected: (reason: string) => void;
}

const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether a host to listen at is reached by this machine alone. */
export function isLoopback(host: string): boolean {
  return host === "::1" || host === "localhost" || /^127\.\d+\.\d+\.\d+$/u.test(host);
}

/**
 * The names by which a server at a host may be called. At a loopback address only those of this machine: a page whose name
 * is made to lead here (DNS rebinding) comes under its own.
 */
export function hostsFor(host: string, more: readonly string[]): ReadonlySet<string> | undefined {
  if (!isLoopback(host)) return more.length === 0 ? undefined : new Set(more.map((name) => name.toLowerCase()));
  return new Set([...loopback, host, ...more.map((name) => name.toLowerCase())]);
}

/** The host of a request, without its port. */
function hostOf({ req }: Context): string {
  const host = req.header("host") ?? new URL(req.url).host;
  return host.replace(/:\d*$/u, "").toLowerCase();
}

function checkHost({ hosts, onRejected }: GuardOptions): MiddlewareHandler {
  return async (context, next) => {
    if (hosts !== undefined && !hosts.has(hostOf(context))) {
      onRejected("host");
      throw refusal(403, "This server is not called by that name; --allow-host NAME adds one.", {
        code: "host_not_allowed",
      });
    }
    await next();
  };
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Compares digests of equal length, so that the time tells nothing of the token. */
function checkToken(token: string, onRejected: GuardOptions["onRejected"]): MiddlewareHandler {
  const wanted = digestOf(token);
  return async (context, next) => {
    const given = /^Bearer +(\S+) *$/iu.exec(context.req.header("authorization") ?? "")?.[1] ?? "";
    const isOpen = context.req.path === "/health";
    if (!timingSafeEqual(digestOf(given), wanted) && !isOpen) {
      onRejected("token");
      throw refusal(401, "Expected the server's token: Authorization: Bearer TOKEN.", {
        code: "invalid_api_key",
        headers: { "www-authenticate": "Bearer" },
      });
    }
    await next();
  };
}

/** Puts what decides who may ask before the routes. Health is open to everyone: those who watch hold no token. */
export function guard(app: Hono, options: GuardOptions): void {
  const none = ["'none'"];
  app.use(
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: none, frameAncestors: none, baseUri: none, formAction: none },
      referrerPolicy: "no-referrer",
      xFrameOptions: "DENY",
      strictTransportSecurity: false, // whoever puts TLS before it says so
    }),
  );
  app.use(async (context, next) => {
    await next();
    context.header("cache-control", "no-store");
  });
  app.use(checkHost(options));
  if (options.corsOrigins.length > 0) {
    const origin = [...options.corsOrigins];
    app.use(
      cors({ origin, allowMethods: ["GET", "POST"], allowHeaders: ["authorization", "content-type"], maxAge: 600 }),
    );
  }
  if (options.token !== undefined) app.use(checkToken(options.token, options.onRejected));
}
