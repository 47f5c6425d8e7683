/** The part of papaparse we use; its published types would bring Node's globals into a library. */
declare module "papaparse" {
  interface ParseError {
    readonly code: string;
    readonly message: string;
    /** Zero-based, the header included. */
    readonly row?: number;
  }
  const Papa: {
    parse(
      text: string,
      options: { readonly delimiter: string; readonly skipEmptyLines: "greedy" },
    ): { readonly data: readonly string[][]; readonly errors: readonly ParseError[] };
  };
  export = Papa;
}
