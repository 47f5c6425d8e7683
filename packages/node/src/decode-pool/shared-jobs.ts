import type { BytesPlace, CaptionJob, FileRange, ImageJob, SideFile, Texts } from "@clip-ts/data";

/** Bytes in the memory of a list, in place of bytes of one thread. */
interface SharedPlace {
  /** First byte. */
  readonly at: number;
  readonly length: number;
}

/** A list of jobs in memory that all threads see: no thread's copy, whoever takes which. */
export interface SharedList {
  /** The jobs as JSON in UTF-8. */
  readonly json: SharedArrayBuffer;
  /** The bytes that the jobs brought, one after the other. */
  readonly bytes: SharedArrayBuffer;
}

/** What is said of a sample, its files' bytes read or shared. */
type StoredTexts = { readonly texts: Texts } | { readonly files: readonly Stored<SideFile>[] };

type Stored<Job extends { readonly place: BytesPlace }> = Omit<Job, "place"> & {
  readonly place: FileRange | SharedPlace;
};

type StoredImage = Omit<ImageJob, "image"> & { readonly image: FileRange | SharedPlace };
type StoredCaption = Omit<CaptionJob, "texts"> & { readonly texts: StoredTexts };

/** Gathers bytes, then copies them into memory of their own. */
function createStore(): { place(place: BytesPlace): FileRange | SharedPlace; bytes(): SharedArrayBuffer } {
  const parts: Uint8Array[] = [];
  let length = 0;
  return {
    place(place) {
      if (!("bytes" in place)) return place;
      const stored = { at: length, length: place.bytes.length };
      parts.push(place.bytes);
      length += place.bytes.length;
      return stored;
    },
    bytes() {
      const shared = new SharedArrayBuffer(length);
      const view = new Uint8Array(shared);
      let at = 0;
      for (const part of parts) {
        view.set(part, at);
        at += part.length;
      }
      return shared;
    },
  };
}

function shareText(jobs: readonly unknown[]): SharedArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify(jobs)); // lone surrogates are escaped, so none is lost
  const shared = new SharedArrayBuffer(text.length);
  new Uint8Array(shared).set(text);
  return shared;
}

/** The jobs in shared memory; bytes that they bring are copied. */
export function shareImages(jobs: readonly ImageJob[]): SharedList {
  const store = createStore();
  const stored = jobs.map((job): StoredImage => ({ ...job, image: store.place(job.image) }));
  return { json: shareText(stored), bytes: store.bytes() };
}

/** The jobs in shared memory; bytes that they bring are copied. */
export function shareCaptions(jobs: readonly CaptionJob[]): SharedList {
  const store = createStore();
  const stored = jobs.map((job): StoredCaption => {
    if ("texts" in job.texts) return { ...job, texts: job.texts };
    const files = job.texts.files.map(({ ending, place }) => ({ ending, place: store.place(place) }));
    return { ...job, texts: { files } };
  });
  return { json: shareText(stored), bytes: store.bytes() };
}

/** The bytes themselves again, as memory of this thread. */
function placeIn(bytes: SharedArrayBuffer, place: FileRange | SharedPlace): BytesPlace {
  if ("path" in place) return place;
  return { bytes: new Uint8Array(bytes, place.at, place.length).slice() };
}

function parse<Job>(json: SharedArrayBuffer): readonly Job[] {
  return JSON.parse(new TextDecoder().decode(new Uint8Array(json).slice())) as readonly Job[];
}

/** Gives each job of a list by its number; bytes are copied when a job is asked for. */
export function sharedImages({ json, bytes }: SharedList): (index: number) => ImageJob {
  const jobs = parse<StoredImage>(json);
  return (index) => ({ ...jobs[index]!, image: placeIn(bytes, jobs[index]!.image) });
}

/** Gives each job of a list by its number; bytes are copied when a job is asked for. */
export function sharedCaptions({ json, bytes }: SharedList): (index: number) => CaptionJob {
  const jobs = parse<StoredCaption>(json);
  return (index) => {
    const { texts, ...job } = jobs[index]!;
    if ("texts" in texts) return { ...job, texts };
    const files = texts.files.map(({ ending, place }) => ({ ending, place: placeIn(bytes, place) }));
    return { ...job, texts: { files } };
  };
}
