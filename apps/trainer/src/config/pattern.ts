/** "/…/" is a regular expression, anything else the name of a leaf or subtree. */
export function patternOf(text: string): RegExp | string {
  const inner = /^\/(.+)\/$/.exec(text)?.[1];
  return inner === undefined ? text : new RegExp(inner);
}
