import { makeImage } from "@clip-ts/node";

/** Pixels of the shorter side, twice what a sheet shows. */
const size = 240;

/** An image as a sheet shows it, as a data URL. @throws ClipError "bad-data" for what is no image, or damaged. */
export async function thumbnail(
  bytes: Uint8Array,
  label: string,
  options: { readonly honourExif?: boolean } = {},
): Promise<string> {
  const made = await makeImage(bytes, label, { size, format: "webp", ...options });
  return `data:image/webp;base64,${Buffer.from(made.bytes).toString("base64")}`;
}
