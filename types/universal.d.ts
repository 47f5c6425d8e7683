// The few globals every JavaScript runtime has and library packages may use.
// Anything else from Node or the DOM is refused by the compiler.
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: ArrayBuffer | ArrayBufferView): string;
}
declare function setTimeout(callback: () => void, ms?: number): unknown;
declare function queueMicrotask(callback: () => void): void;
declare const performance: { now(): number };
declare const console: { warn(line: string): void };
