export { downloadModel, type DownloadOptions, type DownloadProgress } from "./download-model.ts";
export { fetchImage, isWebImage, type FetchImageOptions } from "./fetch-image.ts";
export {
  didYouMeanHub,
  isHubReference,
  parseHubReference,
  hubSettings,
  type HubReference,
  type HubSettings,
  type RetryPolicy,
} from "./hub-settings.ts";
export { checkUpload, uploadFolder, type UploadOptions } from "./upload-folder.ts";
