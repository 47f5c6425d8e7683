// @ts-check
// Reads one file after another as it is told, and says what came of each. It is killed when it takes too long.
import { createHash } from "node:crypto";
import { readers } from "./readers.mjs";

/** @param {string} key @param {unknown} value */
function flat(key, value) {
  if (ArrayBuffer.isView(value))
    return createHash("sha1")
      .update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
      .digest("hex");
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

/** @param {unknown} value @param {string} place */
function digestOf(value, place) {
  const text = JSON.stringify(value, flat) ?? "undefined";
  return createHash("sha1").update(text.replaceAll(place, "")).digest("hex");
}

/** Whether an error is one that the product throws on purpose. @param {any} error */
const isOwn = (error) => error?.name === "ClipError" || error?.constructor?.name === "UsageError";

/** @param {any} error */
function describe(error) {
  const { name = "no error", code = "" } = error ?? {};
  const message = String(error?.message ?? error);
  const [line = ""] = message.split("\n");
  const about = { name, code, message: line.slice(0, 300), length: message.length };
  if (isOwn(error)) return { outcome: "refused", ...about };
  const lines = String(error?.stack ?? "").split("\n");
  return { outcome: "foreign", ...about, stack: lines.slice(1, 4).join("\n") };
}

process.on("message", async (/** @type {any} */ { reader, place }) => {
  const started = process.cpuUsage();
  let result;
  try {
    const read = readers[reader];
    if (read === undefined) throw new Error(`there is no reader ${reader}`);
    result = { outcome: "accepted", digest: digestOf(await read(place), place) };
  } catch (error) {
    result = describe(error);
  }
  const { user, system } = process.cpuUsage(started);
  process.send?.({
    ...result,
    seconds: (user + system) / 1e6,
    rss: process.resourceUsage().maxRSS / 1024,
  });
});

process.send?.("ready");
