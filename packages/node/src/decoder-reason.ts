/**
 * Why a file is no image, in one line that is the same each time. libvips' threads share one list of what went wrong,
 * so what follows sharp's sentence about a header may be another image's, or missing.
 */
export function decoderReason(cause: unknown): string {
  const [reason = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
  return reason.replace(/(?<=^Input (?:buffer|file) has corrupt header):.*$/, "");
}
