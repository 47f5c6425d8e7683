import type { z } from "zod";
import { refusal } from "./refusals.ts";

/** Where in a body something is: input[3].image */
function placeOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((place, part) => {
    if (typeof part === "number") return `${place}[${part}]`;
    return place === "" ? String(part) : `${place}.${String(part)}`;
  }, "");
}

/** A body as a schema has it. @throws ClipError of status 400 that names the field. */
export function validated<Body>(schema: z.ZodType<Body>, value: unknown): Body {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = placeOf(issue?.path ?? []).slice(0, 200);
  const message = (issue?.message ?? "not as expected").slice(0, 300);
  const where = place === "" ? "The body" : place;
  throw refusal(400, `${where}: ${message}.`, { code: "bad_body", ...(place !== "" && { param: place }) });
}
