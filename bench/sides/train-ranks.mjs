// @ts-check
// Steps of training as a launcher starts them, one rank or several, or alone; rank 0 prints what each step took.
//
//   [mpirun -np 2] node train-ranks.mjs '{"recipe": ..., "engine": "onnx", "threads": 1, "warmup": 2, "steps": 5}'
import { joinMpi, launchedRank, singleProcess } from "@clip-ts/distributed";
import { openRunModel, openTrainingBatches, parseConfig, runOptions, startTraining } from "@clip-ts/trainer/training";
import { startSideEngine } from "./start-side-engine.mjs";

const { recipe, warmup, steps, ...engineOptions } = JSON.parse(process.argv[2] ?? "{}");
const ranks = launchedRank() === undefined ? singleProcess() : await joinMpi();
const engine = await startSideEngine({ precision: "f32", ...engineOptions });
const options = runOptions(parseConfig(recipe, "the benchmark's recipe"));
const model = await openRunModel(options.model);
const { active } = await startTraining(options.training, model, { compiler: engine.compiler, ranks });
const batches = await openTrainingBatches(options.data, model.description);

for (let step = -warmup; step < steps; step++) {
  const batch = await batches.next();
  if (ranks.size > 1) await ranks.barrier();
  const { gather, reduce } = ranks.traffic;
  const [startedAt, used] = [performance.now(), process.cpuUsage()];
  await active.step(batch);
  const { user, system } = process.cpuUsage(used);
  const took = {
    milliseconds: performance.now() - startedAt,
    cpuMilliseconds: (user + system) / 1000,
    gatherMilliseconds: ranks.traffic.gather.ms - gather.ms,
    sumMilliseconds: ranks.traffic.reduce.ms - reduce.ms,
    bytes: ranks.traffic.gather.bytes + ranks.traffic.reduce.bytes - gather.bytes - reduce.bytes,
  };
  if (step >= 0 && ranks.rank === 0) process.stdout.write(`${JSON.stringify(took)}\n`);
}
await ranks.close();
process.exit(0);
