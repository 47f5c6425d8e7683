/** A run of bytes `[start, end)` of a file. */
type Range = readonly [start: number, end: number];

const jpegStart = 0xffd8;
const startOfScan = 0xffda;
const exifSegment = 0xffe1;
const pngStart = 0x89504e47;
const pngHeaderBytes = 8;
/** Length, type and checksum of a PNG chunk. */
const chunkOverhead = 12;
const exifChunk = 0x65584966; // "eXIf"

/** JPEG (ITU T.81, annex B): segments of a marker and a length, up to the scan. */
function jpegExif(view: DataView): Range | undefined {
  let start = 2;
  while (start + 4 <= view.byteLength) {
    const marker = view.getUint16(start);
    if (marker === startOfScan || marker < 0xff00) return undefined;
    const end = start + 2 + view.getUint16(start + 2);
    if (marker === exifSegment) return [start, end];
    start = end;
  }
  return undefined;
}

/** PNG (third edition, section 5): chunks of a length, a type, data and a checksum. */
function pngExif(view: DataView): Range | undefined {
  let start = pngHeaderBytes;
  while (start + 8 <= view.byteLength) {
    const end = start + chunkOverhead + view.getUint32(start);
    if (view.getUint32(start + 4) === exifChunk) return [start, end];
    start = end;
  }
  return undefined;
}

/** Where the EXIF data of a JPEG or PNG file lie; undefined if there are none. */
export function findExif(bytes: Uint8Array): Range | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < pngHeaderBytes) return undefined;
  if (view.getUint16(0) === jpegStart) return jpegExif(view);
  return view.getUint32(0) === pngStart ? pngExif(view) : undefined;
}

/**
 * The same image file without its EXIF data. Browsers turn images by them whatever `imageOrientation`
 * says ("none" is only an old name of "from-image"), so this is the way to get the rows as stored.
 */
export async function withoutOrientation(file: Blob): Promise<Blob> {
  const exif = findExif(new Uint8Array(await file.arrayBuffer()));
  if (exif === undefined) return file;
  return new Blob([file.slice(0, exif[0]), file.slice(exif[1])], { type: file.type });
}
