/** One file of a ZIP archive, as the central directory describes it. */
export interface ZipEntry {
  readonly name: string;
  /** 0 stored as it is, 8 deflated. */
  readonly method: number;
  /** Bytes as they lie in the archive. */
  readonly storedSize: number;
  /** Bytes once unpacked. */
  readonly size: number;
  /** CRC-32 of the unpacked bytes. */
  readonly checksum: number;
  /** Where the entry's own header starts. */
  readonly headerOffset: number;
}

/** Signatures and lengths of ZIP records (PKWARE APPNOTE 6.3.10, section 4.3). */
export const zipRecords = {
  local: { signature: 0x04034b50, length: 30 },
  central: { signature: 0x02014b50, length: 46 },
  end: { signature: 0x06054b50, length: 22 },
  end64: { signature: 0x06064b50, length: 56 },
  locator64: { signature: 0x07064b50, length: 20 },
} as const;
