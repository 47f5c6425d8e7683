import { hostname } from "node:os";
import { join } from "node:path";
import { createSoftFile } from "../soft-file.ts";
import { scalarRecord, versionRecord } from "./event-records.ts";

/** An event file that TensorBoard reads while it grows. */
export interface EventFile {
  readonly write: (step: number, scalars: Readonly<Record<string, number>>) => void;
  readonly close: () => Promise<void>;
}

/** Begins an event file in a folder; a run that goes on writes a further one, as TensorBoard expects. */
export function createEventFile(folder: string): EventFile {
  const seconds = (): number => Date.now() / 1000;
  const startedAt = seconds();
  const name = `events.out.tfevents.${Math.floor(startedAt)}.${hostname()}.${process.pid}`;
  const stream = createSoftFile(join(folder, name));
  stream.write(versionRecord(startedAt));
  return {
    write: (step, scalars) => stream.write(scalarRecord({ wallTime: seconds(), step, scalars })),
    close: () => stream.close(),
  };
}
