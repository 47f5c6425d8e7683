/** What the head of a JPEG says. */
export interface JpegHead {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 colours, 4 inks. */
  readonly components: number;
  /** Whether it has an EXIF segment, which may turn it. */
  readonly hasExif: boolean;
}

/** Frames that decoders scale while they decode: baseline, extended and progressive, by Huffman's codes. */
const frames: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2]);

/** Markers without a length behind them: TEM, RST0 to RST7, SOI. */
function standsAlone(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}

/** Whether there is no frame of ours behind the marker: frames of rarer kinds, EOI, SOS. */
function endsHead(marker: number): boolean {
  const isOtherFrame = marker >= 0xc3 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xcc;
  return isOtherFrame || marker === 0xd9 || marker === 0xda;
}

/** Whether an APP1 segment, its length included, begins as EXIF does. */
function isExif(bytes: Uint8Array, at: number): boolean {
  return [0x45, 0x78, 0x69, 0x66].every((letter, index) => bytes[at + 2 + index] === letter);
}

/** What a frame's header, its marker at `at`, says; undefined for more than eight bits, or no pixels. */
function readFrame(view: DataView, at: number, hasExif: boolean): JpegHead | undefined {
  const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
  if (view.getUint8(at + 4) !== 8 || height * width === 0) return undefined;
  return { width, height, components: view.getUint8(at + 9), hasExif };
}

/** Where the marker behind that at `at` lies: a segment has a length, a fill byte is one byte. */
function behindMarker(view: DataView, at: number): number {
  const marker = view.getUint8(at + 1);
  if (marker === 0xff) return at + 1;
  return standsAlone(marker) ? at + 2 : at + 2 + view.getUint16(at + 2);
}

/**
 * The head of a JPEG (ITU-T T.81, annex B); undefined for any other file, for samples of more than eight
 * bits, for frames of rarer kinds, and for what is cut before its frame.
 */
export function readJpegHead(bytes: Uint8Array): JpegHead | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hasExif = false;
  for (let at = 2; at + 11 < bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1]!;
    if (endsHead(marker)) return undefined;
    if (frames.has(marker)) return readFrame(view, at, hasExif);
    hasExif ||= marker === 0xe1 && isExif(bytes, at + 2);
    at = behindMarker(view, at);
  }
  return undefined;
}

/**
 * What a JPEG's EXIF segment holds, from "Exif" on, as a view of the bytes; undefined where there is none before the
 * picture, or it is cut.
 */
export function exifOfJpeg(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 11 < bytes.length && bytes[at] === 0xff; at = behindMarker(view, at)) {
    const marker = bytes[at + 1]!;
    if (endsHead(marker) || frames.has(marker)) return undefined;
    if (marker !== 0xe1 || !isExif(bytes, at + 2)) continue;
    const end = behindMarker(view, at);
    return end <= bytes.length ? bytes.subarray(at + 4, end) : undefined;
  }
  return undefined;
}
