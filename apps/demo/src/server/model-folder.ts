import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Where `npm run quickstart` leaves its model. */
const quickstartModel = fileURLToPath(
  new URL("../../../../runs/quickstart/model", import.meta.url),
);

/** The folder that the environment variable CLIP_MODEL names, or the quickstart's model. */
export function modelFolder(): string {
  const { CLIP_MODEL: chosen, INIT_CWD: startedIn = "." } = process.env;
  return chosen === undefined || chosen === "" ? quickstartModel : resolve(startedIn, chosen);
}
