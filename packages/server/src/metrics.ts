import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { BatchFacts } from "./features.ts";

/** What is asked when the metrics are read. */
export interface MetricSources {
  readonly requests: () => number;
  readonly queued: () => number;
  readonly taken: () => number;
  readonly bodyBytes: () => number;
}

/** What a server counts, in Prometheus's terms. */
export interface Metrics {
  request(route: string, status: number, seconds: number): void;
  batch(facts: BatchFacts): void;
  /** A request or picture that was not taken on, by reason. */
  rejected(reason: string): void;
  picture(isRead: boolean): void;
  /** Work that its client no longer waits for. */
  dropped(): void;
  /** Settles what gauges read. */
  watch(sources: MetricSources): void;
  /** The text that Prometheus reads. */
  text(): Promise<string>;
  readonly contentType: string;
}

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What the process takes, under the names that Prometheus's clients share. */
function watchProcess(registers: Registry[]): void {
  void new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  void new Gauge({
    name: "process_cpu_seconds_total",
    help: "Seconds of processor time, user and system",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.set((user + system) / 1e6);
    },
  });
}

function watchSources(registers: Registry[], { requests, queued, taken, bodyBytes }: MetricSources): void {
  const gauges = [
    ["clip_ts_requests_in_flight", "Requests with a body taken on and not answered yet", requests],
    ["clip_ts_queue_inputs", "Inputs that wait for the engine", queued],
    ["clip_ts_inputs", "Inputs taken on and not answered yet", taken],
    ["clip_ts_body_bytes", "Bytes of bodies in memory", bodyBytes],
  ] as const;
  for (const [name, help, read] of gauges) {
    void new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }
}

/** The counters of one server, in a registry of their own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> =>
    new Counter({ name: `clip_ts_${name}`, help, labelNames, registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    { labelNames, buckets }: { readonly labelNames: Label[]; readonly buckets: number[] },
  ): Histogram<Label> => new Histogram({ name: `clip_ts_${name}`, help, labelNames, buckets, registers });

  const requests = counter("requests_total", "Requests answered", ["route", "status"]);
  const rejected = counter("rejected_total", "Requests not taken on, by reason", ["reason"]);
  const pictures = counter("pictures_total", "Pictures, by whether they could be read", ["result"]);
  const dropped = counter("dropped_total", "Requests whose client went away", []);
  const padding = counter("padding_rows_total", "Rows that only fill a batch up", ["side"]);
  const times = histogram("request_seconds", "Time of requests", { labelNames: ["route"], buckets: secondsBuckets });
  const rows = histogram("batch_rows", "Rows of batches", { labelNames: ["side"], buckets: [1, 2, 4, 8, 16, 32, 64] });
  const batches = histogram("batch_seconds", "Time of batches", { labelNames: ["side"], buckets: secondsBuckets });
  watchProcess(registers);

  return {
    request(route, status, seconds) {
      requests.inc({ route, status });
      times.observe({ route }, seconds);
    },
    batch(facts) {
      const { side } = facts;
      rows.observe({ side }, facts.rows);
      batches.observe({ side }, facts.seconds);
      padding.inc({ side }, facts.padding);
    },
    rejected: (reason) => rejected.inc({ reason }),
    picture: (isRead) => pictures.inc({ result: isRead ? "read" : "unreadable" }),
    dropped: () => dropped.inc(),
    watch: (sources) => watchSources(registers, sources),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
