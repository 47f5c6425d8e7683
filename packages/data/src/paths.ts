/** `folder/name`; an absolute path or an address stays as it is. */
export function joinPath(folder: string, name: string): string {
  if (folder === "" || /^([/\\]|[A-Za-z]:[/\\]|[a-z][\w+.-]*:\/\/)/.test(name)) return name;
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** Where the last name's separator is: "/", or "\\" where a path begins as only those of Windows do. */
function lastSeparator(path: string): number {
  const isOfWindows = /^([A-Za-z]:\\|\\\\)/.test(path);
  return Math.max(path.lastIndexOf("/"), isOfWindows ? path.lastIndexOf("\\") : -1);
}

/** Everything before the last name; "" when there is only a name. */
export function folderOf(path: string): string {
  const end = lastSeparator(path);
  return end === 0 ? "/" : path.slice(0, Math.max(end, 0));
}

/** The last name. */
export function nameOf(path: string): string {
  return path.slice(lastSeparator(path) + 1);
}

/** The lower-case ending with its dot, such as `.png`; "" when there is none. */
export function extensionOf(path: string): string {
  return /\.[^./]+$/.exec(path)?.[0].toLowerCase() ?? "";
}

/** The path without its ending. */
export function withoutExtension(path: string): string {
  return path.slice(0, path.length - extensionOf(path).length);
}
