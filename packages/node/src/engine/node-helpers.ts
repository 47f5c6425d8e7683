/**
 * Gives Node's module `util` the two helpers that tfjs-node 4.22 calls: Node 22 warns of each call of its
 * own, Node 23 dropped them. Refers to nothing outside, so that its text runs in another process too.
 */
export function restoreNodeHelpers(util: Record<string, unknown>): void {
  util["isNullOrUndefined"] = (value: unknown): boolean => value === undefined || value === null;
  util["isArray"] = Array.isArray;
}
