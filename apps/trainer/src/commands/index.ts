import type { Command } from "../cli/command.ts";
import { classifyCommand } from "./classify.ts";
import { completionCommand } from "./completion.ts";
import { convertCommand } from "./convert.ts";
import { doctorCommand } from "./doctor.ts";
import { embedCommand } from "./embed.ts";
import { evaluateCommand } from "./evaluate.ts";
import { forwardCommand } from "./forward.ts";
import { methodsCommand } from "./methods.ts";
import { preprocessCommand } from "./preprocess.ts";
import { pushCommand } from "./push.ts";
import { quickstartCommand } from "./quickstart.ts";
import { reportCommand } from "./report.ts";
import { setupCommand } from "./setup.ts";
import { tokenizeCommand } from "./tokenize.ts";
import { trainCommand } from "./train.ts";

/** Every subcommand, in the order of the help. */
export const commands: readonly Command[] = [
  quickstartCommand,
  trainCommand,
  reportCommand,
  methodsCommand,
  evaluateCommand,
  classifyCommand,
  embedCommand,
  convertCommand,
  pushCommand,
  forwardCommand,
  tokenizeCommand,
  preprocessCommand,
  doctorCommand,
  setupCommand,
  completionCommand(() => commands),
];
