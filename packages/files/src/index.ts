export {
  isDiskFault,
  openFile,
  readBytes,
  readJson,
  syncFolder,
  writeFileWhole,
  writeJson,
  type OpenFile,
} from "./files.ts";
export { withFileLock, type LockWait } from "./file-lock.ts";
export { folderFiles, type FolderFiles } from "./folder-files.ts";
export { growFile, type GrowingFile } from "./growing-file.ts";
