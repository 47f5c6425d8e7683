export { singleProcess, type Collective, type Communicator, type Reduction, type Traffic } from "./communicator.ts";
export { checkDrift } from "./drift.ts";
export { exchangeOf, gatherRows, type NamedArray, type NamedArrays, type RankExchange } from "./exchange.ts";
export { launchedRank, type Environment, type Launch, type MpiFamily } from "./launch.ts";
export { measureRanks, type MeasuredRanks, type MeasuredSum } from "./measure.ts";
export { joinMpi, type MpiOptions } from "./mpi/join.ts";
export { threadPoolAdvice } from "./threads.ts";
