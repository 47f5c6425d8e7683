export { openLanceIndex, type LanceIndexOptions } from "./lance-index.ts";
