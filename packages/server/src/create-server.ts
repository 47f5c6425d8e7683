import { ClipError } from "@clip-ts/base";
import type { PictureIndex } from "@clip-ts/picture-index";
import { createAdmission } from "./admission.ts";
import type { AddressRule } from "./addresses.ts";
import { createApp } from "./app.ts";
import { createFeatures, imageGroup, textGroup, type ServedModel } from "./features.ts";
import { hostsFor, isLoopback } from "./guard.ts";
import { limitsWith, type Limits } from "./limits.ts";
import { createMetrics } from "./metrics.ts";
import type { Parts } from "./parts.ts";
import { createPictures } from "./pictures.ts";
import { createProbe, probePicture } from "./probe.ts";

/** What a server is made of. */
export interface ServerOptions {
  readonly model: ServedModel;
  /** What clients call the model. It is shown: no path that nobody should know. */
  readonly name: string;
  /** Made by the same model; stays the caller's. Without it there is no search. */
  readonly index?: PictureIndex;
  /** Hits carry the paths of their files as ids, in the place of names that tell nothing. No by default. */
  readonly showsPaths?: boolean;
  /** Where it listens; 127.0.0.1 by default. */
  readonly host?: string;
  /** Names beside the host's own by which requests may call it, such as a proxy's. */
  readonly hosts?: readonly string[];
  /** What clients show as `Authorization: Bearer TOKEN`. */
  readonly token?: string;
  /** Lets everyone ask a server that other machines reach. */
  readonly allowsNoToken?: boolean;
  /** Origins of pages that may read answers. */
  readonly corsOrigins?: readonly string[];
  /** Whether pictures at addresses of the public internet are fetched. No by default. */
  readonly fetchesUrls?: boolean;
  /** Addresses that pictures are fetched from in the place of the public internet's. */
  readonly addressRule?: AddressRule;
  /** Turn pictures upright as their EXIF tag says; the index's own way by default, else no. */
  readonly honourExif?: boolean;
  readonly limits?: Partial<Limits>;
  /** Hears of errors that were nobody's to expect; clients are told nothing of them. */
  readonly onError?: (error: unknown) => void;
}

/** A CLIP that answers requests. */
export interface ClipServer {
  /** Answers one request, on any platform that has the web's Request and Response. Never rejects. */
  fetch(request: Request): Promise<Response>;
  /** The text that Prometheus reads. */
  metrics(): Promise<string>;
  /** Requests that are not answered yet. */
  inFlight(): number;
  readonly host: string;
  readonly limits: Limits;
  /** Batch sizes that give equal bits, of pictures and of short captions. */
  readonly sizes: { readonly images: readonly number[]; readonly texts: readonly number[] };
}

/** @throws ClipError "bad-argument" for a server that strangers reach and everyone may ask, and for tokens that are none. */
function checkAccess({ host = "127.0.0.1", token, allowsNoToken = false }: ServerOptions): void {
  if (token !== undefined && !/^[\u0021-\u007e]{8,}$/u.test(token)) {
    throw new ClipError(
      "bad-argument",
      "The token needs at least 8 characters, letters, digits and signs without spaces.",
    );
  }
  if (isLoopback(host) || token !== undefined || allowsNoToken) return;
  const message =
    `At ${host} other machines reach the server, and everyone could ask it. ` +
    "Give a token (--token TOKEN or CLIP_TS_TOKEN), or say that none is wanted (--no-token).";
  throw new ClipError("bad-argument", message, { data: { host } });
}

function partsOf(options: ServerOptions): Omit<Parts, "probe"> {
  const { model, name, index, showsPaths = false } = options;
  const limits = limitsWith(options.limits);
  const metrics = createMetrics();
  const features = createFeatures(model, limits.batch, (facts) => metrics.batch(facts));
  const rejected = (what: string): void => metrics.rejected(what);
  const requests = createAdmission(limits.requests, "requests", rejected);
  const inputs = createAdmission(limits.queue, "inputs", rejected);
  const bytes = createAdmission(limits.bodyBytesAtOnce, "bytes of bodies", () => metrics.rejected("bytes"));
  const pictures = createPictures({
    preprocess: model.description.preprocess,
    limits,
    fetchesUrls: options.fetchesUrls ?? false,
    honourExif: options.honourExif ?? index?.record.honourExif ?? false,
    addressRule: options.addressRule,
    announce: features.announceImage,
    onPicture: (isRead) => metrics.picture(isRead),
  });
  metrics.watch({
    requests: requests.taken,
    queued: () => features.waiting(),
    taken: inputs.taken,
    bodyBytes: bytes.taken,
  });
  const bodies = { limits, bytes };
  const created = Math.floor(Date.now() / 1000);
  return { name, model, index, showsPaths, limits, features, pictures, bodies, requests, inputs, metrics, created };
}

/**
 * Makes a server of a model: measures which batch sizes give equal bits, and embeds what health compares with later. The
 * model and the index stay the caller's, who ends them after the server.
 * @throws ClipError "bad-argument" for limits, tokens and hosts that make no sense.
 */
export async function createServer(options: ServerOptions): Promise<ClipServer> {
  checkAccess(options);
  const { host = "127.0.0.1", hosts = [], token, corsOrigins = [], onError = () => undefined } = options;
  const parts = partsOf(options);
  const { features, pictures, metrics, limits } = parts;
  const readsTexts = options.model.description.tokenizer !== undefined;
  const never = new AbortController().signal;
  const planes = await pictures.with(probePicture, never, (planes) => Promise.resolve(planes));
  const sizes = {
    images: await features.sizesOf(imageGroup),
    texts: readsTexts ? await features.sizesOf(textGroup((await features.text("a")).width)) : [],
  };
  const probe = await createProbe(features, planes, readsTexts);
  const rejected = (reason: string): void => metrics.rejected(reason);
  const access = { token, hosts: hostsFor(host, hosts), corsOrigins, onRejected: rejected };
  const { fetch, inFlight } = createApp({ ...parts, probe }, access, onError);
  return { fetch, inFlight, metrics: () => metrics.text(), host, limits, sizes };
}
