import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Frees at once what loading left behind: JavaScript would keep a second copy of a model's weights until
 * its own heap is short, which never happens while all that grows lies outside it.
 */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
