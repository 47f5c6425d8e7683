import type { Command } from "../cli/command.ts";

/** clip-ts tokenize */
export const tokenizeCommand: Command = {
  name: "tokenize",
  words: "MODEL",
  needs: 1,
  summary: "turn captions on stdin into token ids",
  details:
    "Reads one caption a line and prints one JSON array of ids a line, start and end " +
    "token included.",
  options: {
    padded: { type: "boolean", help: "fill each array up to the model's context length" },
  },
  run: async (args) => (await import("./run/tokenize.ts")).run(args),
};
