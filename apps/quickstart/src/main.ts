import type { Extension, SourceKind } from "@clip-ts/trainer";
import { methodsCommand } from "./methods/command.ts";
import { quickstartCommand } from "./quickstart/command.ts";

/** Emoji drawings, as `kind: emoji` in a config and as `emoji:VENDOR,...` on the command line. */
const emojiKind: SourceKind = {
  kind: "emoji",
  example: "emoji:fluent (or another vendor)",
  firstCaption: "the name",
  load: async () => (await import("./emoji/definition.ts")).emojiDefinition,
};

/** The commands `quickstart` and `methods`, and emoji drawings as a source of pairs. */
export const quickstart: Extension = {
  commands: [quickstartCommand, methodsCommand],
  sources: [emojiKind],
};
