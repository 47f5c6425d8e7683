import { inputLength, joinInputs, preprocessYielding, type Preprocessing } from "@clip-ts/image";
import { decodeImage, readImageBytes, readImageHead } from "@clip-ts/node";
import { createGuardedSend, type AddressRule } from "./addresses.ts";
import { createBudget } from "./budget.ts";
import type { Limits } from "./limits.ts";
import { refusal } from "./refusals.ts";

/** How pictures are taken in. */
export interface PictureOptions {
  readonly preprocess: Preprocessing;
  readonly limits: Pick<Limits, "bodyBytes" | "pixels" | "pixelsAtOnce" | "batch">;
  /** Whether pictures at http and https addresses are fetched. */
  readonly fetchesUrls: boolean;
  /** Turn pictures upright as their EXIF tag says. */
  readonly honourExif: boolean;
  /** The addresses that are fetched from: those of the public internet if absent. */
  readonly addressRule?: AddressRule | undefined;
  /** Told when a picture is begun; what it gives is called when the picture is ready or lost. */
  readonly announce?: () => () => void;
  /** Hears of every picture, whether it could be read. */
  readonly onPicture?: (isRead: boolean) => void;
}

/** A picture as a request gives it: a data URL, base64 or an address; or the bytes of a file. */
export type GivenPicture = string | Uint8Array;

/** Reads pictures. */
export interface Pictures {
  /**
   * Calls `use` with the picture as the model sees it, [3, size, size] or its patches. Few are in memory at a time: others wait until `use` is
   * done with one. @throws ClipError that says why it cannot be read; the signal's reason.
   */
  with<Result>(
    given: GivenPicture,
    signal: AbortSignal,
    use: (planes: Float32Array) => Promise<Result>,
  ): Promise<Result>;
}

/** Milliseconds without a byte after which an address is given up. */
const silence = 5000;
const mostRedirects = 3;

/** Formats that are decoded. Others that libvips knows, SVG among them, run programs of their own. */
const formats: ReadonlySet<string> = new Set(["jpg", "png", "webp", "gif", "avif", "tif", "bmp", "ppm"]);

const isAddress = (text: string): boolean => /^https?:/iu.test(text);

/** Whether a text is a picture as a data URL. */
export const isPictureUrl = (text: string): boolean => /^data:image\//iu.test(text);

const notBase64 = (what: string): Error =>
  refusal(400, `${what} is not base64: expected A-Z, a-z, 0-9, + and /, padded by =.`, { code: "bad_base64" });

function bytesOfBase64(text: string, what: string): Uint8Array {
  if (text.length % 4 === 1 || !/^[A-Za-z0-9+/]*={0,2}$/u.test(text)) throw notBase64(what);
  return Buffer.from(text, "base64");
}

/** The bytes of a data URL (RFC 2397), base64 alone. */
function bytesOfDataUrl(url: string): Uint8Array {
  const comma = url.slice(0, 200).indexOf(",");
  if (comma < 0 || !/^data:image\/[\w.+-]+(;[\w=.+-]+)*;base64$/iu.test(url.slice(0, comma))) {
    throw refusal(400, "A picture's data URL starts with data:image/TYPE;base64, and its bytes follow.", {
      code: "bad_data_url",
    });
  }
  return bytesOfBase64(url.slice(comma + 1), "What follows the comma of a data URL");
}

/** @throws ClipError for what is no picture, or one of more pixels than may be; by its first bytes alone. @returns its pixels. */
function checkHead(bytes: Uint8Array, most: number): number {
  const head = readImageHead(bytes);
  if (head === undefined || !formats.has(head.format)) {
    throw refusal(400, "The bytes are no picture: expected JPEG, PNG, WebP, GIF, AVIF, TIFF, BMP or PPM.", {
      code: "bad_picture",
    });
  }
  const { width, height } = head;
  if (width * height <= most) return width * height;
  throw refusal(400, `The picture has ${width} x ${height} pixels; this server takes ${most} at most.`, {
    code: "picture_too_large",
  });
}

/** What reads pictures, some at a time. */
export function createPictures(options: PictureOptions): Pictures {
  const { limits, preprocess, honourExif, onPicture } = options;
  const places = createBudget(2 * limits.batch); // one batch on the engine, one in the making
  const pixels = createBudget(limits.pixelsAtOnce);
  const send = createGuardedSend(options.addressRule);

  const fetched = (address: string, signal: AbortSignal): Promise<Uint8Array> => {
    if (!options.fetchesUrls) {
      throw refusal(400, "This server fetches no addresses: send the picture as a data URL or base64.", {
        code: "urls_not_allowed",
      });
    }
    return readImageBytes(address, {
      mostBytes: limits.bodyBytes,
      timeout: silence,
      mostRedirects,
      retry: { retries: 0, firstWait: 1, longestWait: 1, patience: 1 },
      send: (url, request, timeout) => send(url, { ...request, signal }, timeout),
    });
  };
  const bytesOf = async (given: GivenPicture, signal: AbortSignal): Promise<Uint8Array> => {
    if (typeof given !== "string") return given;
    if (isAddress(given)) return fetched(given, signal);
    return /^data:/iu.test(given) ? bytesOfDataUrl(given) : bytesOfBase64(given, "The picture");
  };
  const planesOf = async (given: GivenPicture, signal: AbortSignal): Promise<Float32Array> => {
    const bytes = await bytesOf(given, signal);
    const giveBack = await pixels.take(checkHead(bytes, limits.pixels), signal);
    try {
      const decoded = await decodeImage(bytes, "The picture", { honourExif });
      const input = await preprocessYielding(decoded, preprocess);
      return joinInputs([input], inputLength(preprocess)); // all of one length, so that batches have one shape
    } finally {
      giveBack();
    }
  };
  return {
    async with(given, signal, use) {
      const leave = await places.take(1, signal);
      const arrived = options.announce?.();
      try {
        const planes = await planesOf(given, signal).catch((error: unknown) => {
          if (!signal.aborted) onPicture?.(false);
          throw error;
        });
        onPicture?.(true);
        const result = use(planes);
        arrived?.();
        return await result;
      } finally {
        arrived?.();
        leave();
      }
    },
  };
}
