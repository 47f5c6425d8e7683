import { ClipError } from "@clip-ts/base";
import { sizeOf, type HostArray, type HostArrays } from "@clip-ts/core";
import type { Communicator } from "@clip-ts/distributed";

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify([value]));

const decode = (bytes: Uint8Array): unknown => (JSON.parse(new TextDecoder().decode(bytes)) as [unknown])[0];

/** What each rank says, plain JSON, told to all of them; in the order of ranks. */
export async function gatherJson<Value>(ranks: Communicator, own: Value): Promise<Value[]> {
  const { rank, size } = ranks;
  const bytes = encode(own);
  const lengths = new Int32Array(size);
  lengths[rank] = bytes.length;
  await ranks.gather(lengths);
  const longest = Math.max(...lengths);
  const all = new Uint8Array(size * longest);
  all.set(bytes, rank * longest);
  await ranks.gather(all);
  return Array.from(lengths, (length, from) => {
    const start = from * longest;
    return decode(all.subarray(start, start + length)) as Value;
  });
}

/** What rank 0 says, plain JSON, told to all; what the others give is not looked at. */
export async function broadcastJson<Value>(ranks: Communicator, own: Value | undefined): Promise<Value> {
  const { rank } = ranks;
  const bytes = rank === 0 ? encode(own) : new Uint8Array();
  const length = Int32Array.of(bytes.length);
  await ranks.broadcast(length);
  const told = rank === 0 ? bytes : new Uint8Array(length[0] as number);
  await ranks.broadcast(told);
  return decode(told) as Value;
}

/** Numbers of rank 0, told to all, which have as many. */
export async function broadcastNumbers(ranks: Communicator, own: readonly number[]): Promise<number[]> {
  const values = Float64Array.from(own);
  await ranks.broadcast(new Uint8Array(values.buffer));
  return Array.from(values);
}

const kinds = { Float32Array, Int32Array } as const;

type Kind = keyof typeof kinds;

function kindOf(name: string, { data }: HostArray): Kind {
  const kind = data.constructor.name;
  if (kind in kinds) return kind as Kind;
  throw new ClipError("unsupported", `${name}: numbers of kind ${kind} are not passed between ranks.`);
}

/** The arrays of rank 0, given to all, where they are new; what the others give is not looked at. */
export async function broadcastArrays(ranks: Communicator, own: HostArrays | undefined): Promise<HostArrays> {
  const listed = Object.entries(own ?? {}).map(([name, array]) => [name, array.shape, kindOf(name, array)] as const);
  const all = await broadcastJson(ranks, listed);
  const arrays: Record<string, HostArray> = {};
  for (const [name, shape, kind] of all) {
    const array = ranks.rank === 0 ? (own?.[name] as HostArray) : { data: new kinds[kind](sizeOf(shape)), shape };
    await ranks.broadcast(array.data as Float32Array | Int32Array);
    arrays[name] = array;
  }
  return arrays;
}
