export { createServer, type ClipServer, type ServerOptions } from "./create-server.ts";
export { isPublicAddress, type AddressRule } from "./addresses.ts";
export type { ServedModel } from "./features.ts";
export { usualLimits, type Limits } from "./limits.ts";
export { listen, type Listening } from "./listen.ts";
export { isLoopback } from "./guard.ts";
