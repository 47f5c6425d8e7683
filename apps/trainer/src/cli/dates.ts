import { UsageError } from "./command.ts";

const form =
  /^(?<year>\d{4})(?:-(?<month>\d{2})(?:-(?<day>\d{2})(?:[T ](?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2}))?)?)?)?$/u;

/** Of what a date leaves out, the first moment. */
const first = { month: "01", day: "01", hour: "00", minute: "00", second: "00" };

/** The moment that a date in ISO 8601 names in UTC; undefined if there is none, such as the 30th of February. */
function inUtc(given: string): number | undefined {
  const groups = form.exec(given)?.groups;
  if (groups === undefined) return undefined;
  const known = Object.fromEntries(Object.entries(groups).filter(([, part]) => part !== undefined));
  const { year, month, day, hour, minute, second } = { year: "", ...first, ...known };
  const whole = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const moment = Date.parse(whole);
  return Number.isNaN(moment) || new Date(moment).toISOString() !== whole ? undefined : moment;
}

/**
 * The first moment of a year, month, day or minute in ISO 8601, in milliseconds since 1970: in UTC, in which an index
 * keeps cameras' clocks, so that 18:30 is what the camera showed. @throws UsageError for what is no date: 2024-02-30.
 */
export function momentOf(option: string, given: string): number {
  const moment = inUtc(given);
  if (moment !== undefined) return moment;
  throw new UsageError(`--${option} ${given}: expected a date such as 2024, 2024-05, 2024-05-17 or 2024-05-17T18:30.`);
}
