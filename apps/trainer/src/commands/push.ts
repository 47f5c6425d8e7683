import type { Command } from "../cli/command.ts";

/** clip-ts push */
export const pushCommand: Command = {
  name: "push",
  words: "MODEL hf:OWNER/NAME",
  needs: 2,
  sendsModels: true,
  summary: "upload a model to the Hugging Face hub",
  details:
    "Uploads config, preprocessing, tokenizer, weights and a model card (README.md, made if " +
    "there is none; the folder stays as it is) as one commit. The repository is made if it is not there. HF_TOKEN holds a " +
    "token that may write; HF_ENDPOINT another hub.",
  options: {
    license: { type: "string", value: "ID", help: "licence for the model card, such as mit" },
    private: { type: "boolean", help: "make a new repository private" },
    message: { type: "string", value: "TEXT", help: "the commit's message" },
  },
  run: async (args) => (await import("./run/push.ts")).run(args),
};
