import type { Command } from "../cli/command.ts";
import { engineOptions } from "../cli/options.ts";

/** clip-ts doctor */
export const doctorCommand: Command = {
  name: "doctor",
  words: "",
  needs: 0,
  summary: "say which engine would run here, why, and whether it computes rightly",
  options: engineOptions,
  run: async (args) => (await import("./run/doctor.ts")).run(args),
};
