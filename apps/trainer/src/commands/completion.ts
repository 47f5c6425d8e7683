import { UsageError, type Command } from "../cli/command.ts";
import { completionScript, shells } from "../cli/completion.ts";
import { suggestion } from "../cli/text.ts";

/** The shell that the words name. @throws UsageError if it is none that is known. */
function shellNamed(word = ""): (typeof shells)[number] {
  const shell = shells.find((known) => known === word);
  if (shell !== undefined) return shell;
  throw new UsageError(`completion ${word}: expected bash, zsh or fish.${suggestion(word, shells)}`);
}

/** clip-ts completion, of these commands. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    words: "bash|zsh|fish",
    needs: 1,
    summary: "print a script that completes commands and options in a shell",
    details:
      'bash and zsh: put eval "$(clip-ts completion bash)" into ~/.bashrc, or the same with zsh into ' +
      "~/.zshrc. fish: clip-ts completion fish > ~/.config/fish/completions/clip-ts.fish",
    options: {},
    check: ({ positionals }) => void shellNamed(positionals[0]),
    async run({ positionals }) {
      process.stdout.write(completionScript(shellNamed(positionals[0]), commands()));
    },
  };
}
