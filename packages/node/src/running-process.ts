import { readFileSync } from "node:fs";

/** What Linux tells of a process from its state on; nothing elsewhere, or if there is no such process. */
function statOf(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

/** When a process started, in clock ticks of the machine's, as Linux says; undefined elsewhere. */
export const startOf = (pid: number): string | undefined => statOf(pid)[19];

/**
 * Whether a process of this machine runs. One that has ended does not, though its parent has not asked how.
 * @param started What `startOf` said of it, as numbers come again; not looked at if undefined.
 */
export function isRunning(pid: number, started?: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // somebody else's, but running
  }
  const stat = statOf(pid);
  return stat[0] !== "Z" && (started === undefined || started === stat[19]);
}
