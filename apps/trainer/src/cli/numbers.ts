/** A whole number with blanks between thousands: "1 234 567". */
export const count = (value: number): string =>
  Math.round(value)
    .toString()
    .replaceAll(/\B(?=(?:\d{3})+$)/g, " ");

/** Bytes in the unit that suits them: "1.2 GB". */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return unit === 0 ? `${Math.round(bytes)} B` : `${(bytes / 1000 ** unit).toFixed(1)} ${units[unit]}`;
}

/** Bytes as megabytes: "497". */
export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
