import { UsageError, type Arguments, type Command } from "../cli/command.ts";
import { note, print } from "../cli/output.ts";
import { suggestion } from "../cli/text.ts";

async function run({ text, flag }: Arguments): Promise<void> {
  const { setupTensorflow } = await import("@clip-ts/engines");
  const [from, index] = [text("from"), text("index")];
  const { version, gpu } = await setupTensorflow({
    gpu: flag("gpu"),
    ...(from === undefined ? {} : { from }),
    ...(index === undefined ? {} : { index }),
    report: note,
  });
  print(`tensorflow: ready (TensorFlow ${version}, ${gpu ? "GPU" : "CPU"})`);
}

/** clip-ts setup */
export const setupCommand: Command = {
  name: "setup",
  words: "tensorflow",
  needs: 1,
  summary: "build TensorFlow's native part, the fastest engine",
  details:
    "Fetches TensorFlow's libraries with pip (or from --index where there is no pip), keeps them in the " +
    "user's cache folder, compiles tfjs-node's addon against them with g++ and tries it. Nothing is done " +
    "twice; a broken attempt is continued.",
  options: {
    gpu: { type: "boolean", help: "for NVIDIA GPUs: tfjs-node-gpu and the larger library" },
    from: {
      type: "string",
      value: "PATH",
      help: "use this TensorFlow wheel, or this folder with libtensorflow and include",
    },
    index: { type: "string", value: "URL", help: "Python package index to use without pip" },
  },
  check: ({ positionals: [what = ""] }) => {
    if (what === "tensorflow") return;
    const hint = suggestion(what, ["tensorflow"]);
    throw new UsageError(`Only "tensorflow" can be set up, not "${what}".${hint}`);
  },
  run,
};
