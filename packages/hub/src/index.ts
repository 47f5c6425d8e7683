export {
  downloadFiles,
  downloadModel,
  type DownloadOptions,
  type DownloadProgress,
  type ModelDownloadOptions,
} from "./download-model.ts";
export { downloadUrl, type UrlFile } from "./download-url.ts";
export {
  exchange,
  startRetries,
  watch,
  type HubAnswer,
  type HubRequest,
  type Retries,
  type RetrySettings,
  type Watch,
} from "./exchange.ts";
export { broken, isOut, isTransient, odd, refused, stalled, unreachable } from "./hub-errors.ts";
export { redirectOf } from "./request-hub.ts";
export { fetchImage, isWebImage, type FetchImageOptions } from "./fetch-image.ts";
export { didYouMeanHub, hubSettings, type HubSettings, type RetryPolicy } from "./hub-settings.ts";
export { isHubReference, parseHubReference, type HubReference } from "@clip-ts/base";
export { checkUpload, uploadFolder, type UploadOptions } from "./upload-folder.ts";
