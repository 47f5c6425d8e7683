/** Where rows of a table begin and end, for a scanner of bytes. */
export interface RowForm {
  /** Byte between values; undefined where a line is a row, as in jsonl. */
  readonly separator?: number | undefined;
  /** Whether a value that begins with a double quote goes on to the next one, over separators and line ends. */
  readonly isQuoted: boolean;
}

/** Some rows that lie together. */
export interface RowRange {
  /** First byte. */
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
  readonly rows: number;
}

/** Goes through a table's bytes, a piece after another. */
export interface RowScanner {
  push(bytes: Uint8Array): void;
  /** Ends the last row. Returns where a value begins whose quote nothing closes, if there is one. */
  end(): number | undefined;
}

/** What is done with ranges of rows, and with rows that are too long. */
export interface RowSink {
  readonly rowsPerRange: number;
  readonly longestRow: number;
  range(range: RowRange): void;
  /** A row that is in no range. */
  tooLong(start: number, end: number): void;
}

const quote = 0x22;
const [lineFeed, carriageReturn, blank, tab] = [0x0a, 0x0d, 0x20, 0x09];

/** At the first byte of a value, inside one, inside quotes, behind a quote that closes or is the first of two. */
const [atValue, inValue, inQuotes, afterQuote] = [0, 1, 2, 3];

/** Collects rows to ranges. `first` is where the first row begins. */
function createRanges({ rowsPerRange, longestRow, range, tooLong }: RowSink, first: number) {
  let [rangeStart, rowStart, rows] = [first, first, 0];
  const close = (): void => {
    if (rows > 0) range({ start: rangeStart, end: rowStart, rows });
    rows = 0;
  };
  return {
    rowStart: (): number => rowStart,
    /** A row, or a line that is none, ends before this byte. */
    row(end: number, isRow: boolean): void {
      if (end - rowStart > longestRow && isRow) {
        close();
        tooLong(rowStart, end);
        [rangeStart, rowStart] = [end, end];
        return;
      }
      rowStart = end;
      if (isRow) rows++;
      if (rows < rowsPerRange) return;
      close();
      rangeStart = end;
    },
    close,
  };
}

/** The end of what is neither a separator nor a line's end, from `at` on: most bytes of a table. */
function overPlain(bytes: Uint8Array, at: number, separator: number): number {
  let end = at;
  for (; end < bytes.byteLength; end++) {
    const byte = bytes[end];
    if (byte === separator || byte === lineFeed || byte === carriageReturn) break;
  }
  return end;
}

/**
 * Finds rows as `splitRows` cuts them, in bytes of UTF-8: lines end in LF, CRLF or CR, blank lines are no rows.
 * `first` is the place of the first byte that is pushed.
 */
export function createRowScanner({ separator = -1, isQuoted }: RowForm, sink: RowSink, first = 0): RowScanner {
  const ranges = createRanges(sink, first);
  const isBlank = (byte: number): boolean => (byte === blank || byte === tab) && byte !== separator;
  let place = first;
  let state = atValue;
  let hasContent = false;
  let wasReturn = false;

  const endRow = (end: number): void => {
    ranges.row(end, hasContent);
    [hasContent, state] = [false, atValue];
  };
  /** Steps over one byte outside quotes. */
  const step = (byte: number, end: number): void => {
    if (state === afterQuote && byte === quote) state = inQuotes;
    else if (byte === lineFeed || byte === carriageReturn) {
      wasReturn = byte === carriageReturn;
      endRow(end);
    } else if (byte === separator) {
      hasContent = true;
      state = atValue;
    } else if (byte === quote && isQuoted && state === atValue) {
      hasContent = true;
      state = inQuotes;
    } else {
      hasContent ||= !isBlank(byte);
      state = inValue;
    }
  };
  /** The line feed of a CRLF belongs to the row that the carriage return ended. */
  const overLineFeed = (byte: number | undefined, end: number): number => {
    wasReturn = false;
    if (byte !== lineFeed) return 0;
    ranges.row(end, false);
    return 1;
  };

  return {
    push(bytes) {
      let at = 0;
      while (at < bytes.byteLength) {
        if (wasReturn) at += overLineFeed(bytes[at], place + at + 1);
        else if (state === inQuotes) {
          const behind = bytes.indexOf(quote, at) + 1;
          if (behind === 0) break;
          [state, at] = [afterQuote, behind];
        } else {
          if (state === inValue && hasContent) at = overPlain(bytes, at, separator);
          if (at < bytes.byteLength) step(bytes[at++] ?? 0, place + at);
        }
      }
      place += bytes.byteLength;
    },
    end() {
      const open = state === inQuotes ? ranges.rowStart() : undefined;
      if (hasContent && open === undefined) endRow(place);
      ranges.close();
      return open;
    },
  };
}
