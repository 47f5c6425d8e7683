import { hostname } from "node:os";
import type { Communicator } from "./communicator.ts";

/** Bytes of a machine's name that are passed; Linux allows 64. */
const nameBytes = 256;

/** Asks all ranks, which all call it, for the names of their machines. */
export async function hostsOf({
  rank,
  size,
  gather,
}: Pick<Communicator, "rank" | "size" | "gather">): Promise<readonly string[]> {
  const names = new Uint8Array(size * nameBytes);
  names.set(new TextEncoder().encode(hostname()).subarray(0, nameBytes), rank * nameBytes);
  await gather(names);
  return Array.from({ length: size }, (_, index) => {
    const name = names.subarray(index * nameBytes, (index + 1) * nameBytes);
    const end = name.indexOf(0);
    return new TextDecoder().decode(end === -1 ? name : name.subarray(0, end));
  });
}
