export { singleProcess, type Collective, type Communicator, type Reduction, type Traffic } from "./communicator.ts";
export { checkDrift } from "./drift.ts";
export { exchangeOf, type NamedArrays, type RankExchange } from "./exchange.ts";
export { hostsOf } from "./hosts.ts";
export { launchedRank, type Environment, type Launch, type MpiFamily } from "./launch.ts";
export { joinMpi, type MpiOptions } from "./mpi/join.ts";
