import type { Command } from "../cli/command.ts";
import { trainCommand } from "./train.ts";

/** Every subcommand, in the order of the help. */
export const commands: readonly Command[] = [trainCommand];
