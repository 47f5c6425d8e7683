import { expect, test } from "vitest";
import { UsageError } from "./command.ts";
import { momentOf } from "./dates.ts";

test.each([
  ["2024", "2024-01-01T00:00:00Z"],
  ["2024-05", "2024-05-01T00:00:00Z"],
  ["2024-05-17", "2024-05-17T00:00:00Z"],
  ["2024-02-29", "2024-02-29T00:00:00Z"],
  ["2024-05-17T18:30", "2024-05-17T18:30:00Z"],
  ["2024-05-17 18:30:05", "2024-05-17T18:30:05Z"],
  ["1962-03-01", "1962-03-01T00:00:00Z"],
  ["0062-03-01", "0062-03-01T00:00:00Z"],
])("%s is the first moment of what it names", (given, iso) => {
  expect(momentOf("after", given)).toBe(Date.parse(iso));
});

test.each([
  "",
  "yesterday",
  "2024-13",
  "2023-02-29",
  "2024-00-01",
  "2024-05-17T24:00",
  "17.5.2024",
  "2024-5-17",
  "20240517",
])("%j is no date", (given) => {
  expect(() => momentOf("before", given)).toThrow(UsageError);
  expect(() => momentOf("before", given)).toThrow(`--before ${given}: expected a date such as 2024`);
});
