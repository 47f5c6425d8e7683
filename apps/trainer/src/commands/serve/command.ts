import { UsageError, type Arguments, type Command } from "../../cli/command.ts";
import {
  countOption,
  dtypeOption,
  engineOptions,
  exifOption,
  imageSizeOption,
  languageOption,
  numberOption,
  selfCheckOption,
} from "../../cli/options.ts";

/** `--port`, 0 among them. @throws UsageError for what is none. */
export function portOf({ text }: Pick<Arguments, "text">): number {
  const given = text("port") ?? "8080";
  if (/^\d{1,5}$/u.test(given) && Number(given) < 65_536) return Number(given);
  throw new UsageError(`--port ${given}: expected a number from 0 to 65535; 0 takes one that is free.`);
}

function check(args: Arguments): void {
  portOf(args);
  numberOption(args, "timeout");
  for (const name of ["batch", "queue", "max-body", "max-pixels", "max-inputs", "max-requests"])
    countOption(args, name);
  for (const origin of args.texts("cors")) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    throw new UsageError(`--cors ${origin}: expected an origin such as https://example.com, without a path.`);
  }
  if (args.flag("no-token") && args.text("token") !== undefined) {
    throw new UsageError("--token and --no-token exclude each other.");
  }
  if (args.flag("show-paths") && args.text("index") === undefined) throw new UsageError("--show-paths needs --index.");
}

/** clip-ts serve */
export const serveCommand: Command = {
  name: "serve",
  words: "MODEL",
  needs: 1,
  summary: "answer embeddings, labels and searches over HTTP",
  details:
    "POST /v1/embeddings takes what OpenAI's API takes, and pictures; /v1/classify ranks labels, /v1/search finds " +
    "pictures of an index; GET /health, /metrics and /openapi.json tell the rest. Requests that come together are " +
    "computed together, and a vector is the same to the bit whatever came with it. Only this machine is answered " +
    "unless --host says otherwise, for which a token is needed. Ctrl-C or SIGTERM: what is in flight is answered, then " +
    "the server ends.",
  options: {
    index: { type: "string", value: "INDEX", help: "folder of an index of pictures, made by this model, to search in" },
    name: { type: "string", value: "NAME", help: "what clients call the model (default its folder's name)" },
    host: { type: "string", value: "ADDRESS", help: "address to listen at (default 127.0.0.1)" },
    port: { type: "string", value: "PORT", help: "port; 0 takes one that is free (default 8080)" },
    token: {
      type: "string",
      value: "TOKEN",
      help: "what clients have to show; better set CLIP_TS_TOKEN, which ps does not show",
    },
    "no-token": { type: "boolean", help: "let everyone ask who reaches the address" },
    "allow-host": {
      type: "string",
      multiple: true,
      value: "NAME",
      help: "name that requests may call it by, such as a proxy's",
    },
    cors: { type: "string", multiple: true, value: "ORIGIN", help: "origin of pages that may read answers" },
    "allow-urls": { type: "boolean", help: "fetch pictures at addresses of the public internet" },
    "show-paths": { type: "boolean", help: "let hits of a search carry the paths of their files" },
    batch: { type: "string", value: "N", number: "count", help: "rows computed at a time at most (default 16)" },
    queue: {
      type: "string",
      value: "N",
      number: "count",
      help: "inputs taken on at a time; more are answered 429 (default 1024)",
    },
    "max-requests": {
      type: "string",
      value: "N",
      number: "count",
      help: "requests at a time; more are answered 429 before their bodies are read (default 256)",
    },
    "max-inputs": {
      type: "string",
      value: "N",
      number: "count",
      help: "texts and pictures of a request (default 256)",
    },
    "max-body": { type: "string", value: "MIB", number: "count", help: "MiB of a body (default 32)" },
    "max-pixels": { type: "string", value: "N", number: "count", help: "pixels of a picture (default 33554432)" },
    timeout: {
      type: "string",
      value: "SECONDS",
      number: "positive",
      help: "time until a request is answered 503 (default 30)",
    },
    exif: exifOption,
    "image-size": imageSizeOption,
    "self-check": selfCheckOption,
    dtype: dtypeOption,
    language: languageOption,
    ...engineOptions,
  },
  check,
  run: async (args) => (await import("./run.ts")).serve(args),
};
