/** Hexadecimal digits of a UUID's parts. */
const parts = [8, 12, 16, 20, 32] as const;

/**
 * The UUID that stands for an id, since points of Qdrant have no texts as ids: the first half of its SHA-256, marked
 * as RFC 9562's version 8. Two ids meet with a chance of 2^-61 among a billion.
 */
async function pointId(id: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(id))).slice(0, 16);
  digest[6] = ((digest[6] as number) & 0x0f) | 0x80;
  digest[8] = ((digest[8] as number) & 0x3f) | 0x80;
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return parts.map((end, at) => hex.slice(at === 0 ? 0 : parts[at - 1], end)).join("-");
}

/** The UUIDs of ids, in their order. */
export async function pointIds(ids: readonly string[]): Promise<string[]> {
  return Promise.all(ids.map(pointId));
}
