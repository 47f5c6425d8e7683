/** A word as a shell takes it: in quotes where it has to be, so that a printed line works when pasted. */
export function quoteWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/u.test(word)) return word;
  return process.platform === "win32"
    ? `"${word.replaceAll('"', '""')}"`
    : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
