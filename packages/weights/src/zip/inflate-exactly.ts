import { ClipError } from "@clip-ts/base";
import { Inflate } from "fflate";

/** What deflate makes of real weights is at least a tenth as long; only zeros shrink further. */
const plausible = { always: 2 ** 26, ratio: 64 } as const;

/** Packed bytes handed over at a time, so that too much output is noticed early. */
const step = 2 ** 16;

/** The same where only the start is wanted: a thousandfold of it is made at most. */
const smallStep = 2 ** 9;

function damaged(label: string, cause: unknown): ClipError {
  return new ClipError("bad-weights", `${label}: is damaged and cannot be unpacked.`, {
    data: { label },
    cause,
  });
}

/**
 * Unpacks no more than the first `length` bytes; fewer if there are not so many. However much a file
 * claims, this costs what `length` costs.
 * @throws ClipError "bad-weights" for damage.
 */
export function inflateStart(packed: Uint8Array, length: number, label: string): Uint8Array {
  const bytes = new Uint8Array(length);
  let filled = 0;
  const inflate = new Inflate((chunk) => {
    const part = chunk.subarray(0, length - filled);
    bytes.set(part, filled);
    filled += part.byteLength;
  });
  try {
    for (let at = 0; at < packed.byteLength && filled < length; at += smallStep) {
      inflate.push(packed.subarray(at, at + smallStep), at + smallStep >= packed.byteLength);
    }
  } catch (cause) {
    throw damaged(label, cause);
  }
  return bytes.subarray(0, filled);
}

/**
 * Unpacks deflated bytes into exactly `size` bytes.
 * @throws ClipError "bad-weights" for damage, another size, or a size that no weights have.
 */
export function inflateExactly(packed: Uint8Array, size: number, label: string): Uint8Array {
  const fail = (message: string): never => {
    throw new ClipError("bad-weights", `${label}: ${message}`, { data: { label, size } });
  };
  if (size > Math.max(plausible.always, plausible.ratio * packed.byteLength)) {
    fail(`${packed.byteLength} bytes claim to unpack to ${size}; that is refused.`);
  }
  const bytes = new Uint8Array(size);
  let filled = 0;
  const inflate = new Inflate((chunk) => {
    if (filled + chunk.byteLength > size) fail(`unpacks to more than the ${size} bytes it claims.`);
    bytes.set(chunk, filled);
    filled += chunk.byteLength;
  });
  try {
    for (let at = 0; at < packed.byteLength; at += step) {
      inflate.push(packed.subarray(at, at + step), at + step >= packed.byteLength);
    }
  } catch (cause) {
    throw cause instanceof ClipError ? cause : damaged(label, cause);
  }
  if (filled !== size) fail(`unpacks to ${filled} bytes, but claims ${size}.`);
  return bytes;
}
