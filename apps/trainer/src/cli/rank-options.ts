import type { OptionHelp } from "./command.ts";

/** The options of a command whose processes may work together. */
export const rankOptions: Readonly<Record<"mpi" | "comm-timeout", OptionHelp>> = {
  mpi: { type: "boolean", help: "join other ranks also where the environment does not say that there are any" },
  "comm-timeout": {
    type: "string",
    value: "SECONDS",
    number: "positive",
    help: "end all ranks where one is waited for so long (default 300)",
  },
};
