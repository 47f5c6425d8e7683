export { downloadModel, type DownloadOptions } from "./download-model.ts";
export type { DownloadProgress } from "./download-file.ts";
export { fetchImage, isWebImage, type FetchImageOptions } from "./fetch-image.ts";
export {
  didYouMeanHub,
  isHubReference,
  parseHubReference,
  type HubReference,
} from "./hub-settings.ts";
export { hubSettings, type HubSettings, type RetryPolicy } from "./hub-settings.ts";
export { checkUpload, uploadFolder, type UploadOptions } from "./upload-folder.ts";
