import type { Features } from "./features.ts";

/** How a server is. */
export interface Health {
  readonly isWell: boolean;
  /** Why not, for people. */
  readonly reason?: string;
}

/** Tells how a server is, through the queue that its requests take. */
export interface Probe {
  /** The last answer while it is younger than a second: it cannot be used to flood the engine. */
  check(): Promise<Health>;
}

/** Milliseconds that an answer is given again. */
const freshFor = 1000;

/** Milliseconds after which an engine that does not answer is not well. */
const patience = 10_000;

/** By how much a value may differ: rows of length 1, summed in another order. Equal bits are usual. */
const tolerance = 1e-4;

/** A picture of 2 x 2 pixels that is known, as a PPM file. */
export const probePicture: Uint8Array = Buffer.concat([
  Buffer.from("P6 2 2 255\n"),
  Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0]),
]);
const probeText = "a photo of a cat";

function differs(found: Float32Array, wanted: Float32Array): boolean {
  return !(
    found.length === wanted.length && found.every((value, at) => Math.abs(value - (wanted[at] ?? 0)) <= tolerance)
  );
}

async function inTime<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
  const control = new AbortController();
  const timer = setTimeout(() => {
    control.abort(new Error(`the engine did not answer within ${patience / 1000} s`));
  }, patience);
  try {
    const late = new Promise<never>((_resolve, reject) => {
      control.signal.addEventListener("abort", () => reject(control.signal.reason as Error));
    });
    return await Promise.race([work(control.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Embeds what is known, notes what it gives, and compares later. `planes` is the known picture as the model sees it. A
 * model that reads no text is asked for the picture alone.
 */
export async function createProbe(features: Features, planes: Float32Array, readsTexts: boolean): Promise<Probe> {
  const embed = async (signal: AbortSignal): Promise<readonly Float32Array[]> => {
    const options = { signal, isUrgent: true };
    const image = features.image(planes, options);
    const text = readsTexts ? features.text(probeText, options).then(({ row }) => row) : undefined;
    return Promise.all(text === undefined ? [image] : [image, text]);
  };
  const wanted = await embed(new AbortController().signal);
  const look = async (): Promise<Health> => {
    try {
      const found = await inTime(embed);
      const wrong = found.findIndex((row, at) => differs(row, wanted[at] as Float32Array));
      if (wrong < 0) return { isWell: true };
      const what = wrong === 0 ? "picture" : "text";
      return { isWell: false, reason: `a known ${what} gives another vector than when the server started` };
    } catch (error) {
      return { isWell: false, reason: error instanceof Error ? error.message : String(error) };
    }
  };
  let last: { readonly health: Promise<Health>; endedAt?: number } | undefined;
  return {
    check() {
      if (last !== undefined && (last.endedAt === undefined || performance.now() - last.endedAt < freshFor)) {
        return last.health;
      }
      const now: { readonly health: Promise<Health>; endedAt?: number } = { health: look() };
      last = now;
      void now.health.then(() => (now.endedAt = performance.now()));
      return now.health;
    },
  };
}
