// @ts-check
import { appendFileSync } from "node:fs";
import { describeMachine, today } from "../measure/machine.mjs";
import { markdownTable, textTable, wrap } from "./text-table.mjs";

/**
 * @typedef {object} Report
 * @property {string} title
 * @property {string} command behind `pnpm bench` that gives these figures again
 * @property {string} setting threads, precision, rounds
 * @property {readonly (readonly string[])[]} rows the first is the heading
 * @property {readonly string[]} notes versions, agreement, whatever the reader must know
 */

/**
 * The report as it is printed, within the terminal's width.
 * @param {Report} report
 */
export function formatReport({ title, setting, rows, notes }) {
  const head = [title, wrap(`${describeMachine()}; ${setting}`)];
  return [...head, "", textTable(rows), "", ...notes.map((note) => wrap(note))].join("\n");
}

/**
 * Adds the report to a Markdown file.
 * @param {string} file
 * @param {Report} report
 */
export function recordReport(file, { title, command, setting, rows, notes }) {
  const lines = [
    `\n## ${title}\n`,
    `\`pnpm bench ${command}\`, ${today()}, ${describeMachine()}; ${setting}.\n`,
    markdownTable(rows),
    ...(notes.length === 0 ? [] : ["", ...notes.map((note) => `- ${note}`)]),
    "",
  ];
  appendFileSync(file, lines.join("\n"));
}
