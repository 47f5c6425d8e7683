// @ts-check
// Runs a program as two ranks on two "hosts" of this machine: network namespaces with names of their own, joined by
// a cable of 1 Gbit/s, which takes packets as large as network cards take them from their hosts. For what only a
// network shows: its speed, what a step hides of it, a cable that is pulled.
//
//   node scripts/two-hosts.mjs [--mpi openmpi|mpich] [--mbit 1000] -- node train.mjs
//
// Linux, as root, with ip and tc (Debian's iproute2).
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

/** @typedef {"openmpi" | "mpich"} Mpi */
/** @typedef {readonly [program: string, ...arguments: string[]]} Command */

/**
 * @typedef {object} TwoHosts
 * @property {(mpi: Mpi, ...words: string[]) => Command} command starts a program as a rank on each host
 * @property {() => void} pull takes the cable away
 * @property {() => readonly number[]} processes what runs on the hosts
 * @property {() => void} remove ends what runs on the hosts, and the hosts
 */

const network = "10.77.0";
const cable = "cable0";

/** @param {string} program @param {...string} words */
function must(program, ...words) {
  const { status, stderr, error } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${[program, ...words].join(" ")}: ${error?.message ?? stderr.trim()}`);
}

/** @param {string} script */
const works = (script) => spawnSync("sh", ["-c", script], { stdio: "ignore" }).status === 0;

const addresses = [1, 2].map((host) => `${network}.${host}`);

/** A daemon of Open MPI's gives up on the other after 11 s instead of 8 minutes; or by `retries`, if it was sending. */
const alive = ["keepalive_time 5", "keepalive_intvl 2", "keepalive_probes 3"];

const retries = "net.ipv4.tcp_retries2=5"; // some 10 s instead of 15 minutes

/**
 * How each launcher starts a rank on each host.
 * @type {Readonly<Record<Mpi, (agent: string) => readonly string[]>>}
 */
const launch = {
  openmpi(agent) {
    const settings = [
      `plm_rsh_agent ${agent}`,
      "btl tcp,self",
      "hwloc_base_binding_policy none", // each host would bind its rank to the first core
      ...["btl", "oob"].map((layer) => `${layer}_tcp_if_include ${network}.0/24`),
      ...alive.map((setting) => `oob_tcp_${setting}`),
    ].flatMap((setting) => ["--mca", ...setting.split(" ")]);
    return ["mpirun.openmpi", "--allow-run-as-root", ...settings, "-H", addresses.map((one) => `${one}:1`).join()];
  },
  mpich(agent) {
    const shell = ["-launcher", "ssh", "-launcher-exec", agent, "-iface", cable];
    const tcp = ["-genv", "UCX_TLS", "tcp,self", "-genv", "UCX_NET_DEVICES", cable]; // UCX would see that memory is shared
    return ["mpirun.mpich", ...shell, ...tcp, "-hosts", addresses.join(), "-np", "2"];
  },
};

/** Why there can be no hosts here; nothing where there can. @returns {string | undefined} */
export function missingForHosts() {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (!works("ip -V && tc -V && unshare --version")) return "ip, tc or unshare is missing (apt-get install iproute2)";
  const trial = `clip-ts-trial-${process.pid}`;
  if (!works(`ip netns add ${trial} && ip netns del ${trial}`)) return "this system allows no network namespaces";
  return undefined;
}

/**
 * Stands in for ssh: the launchers call it with a host's address and what to run there, after flags of ssh's.
 * @param {string} prefix
 */
const shell = (prefix) => `#!/bin/sh
while [ "\${1#-}" != "$1" ]; do shift; done
host=\${1##*.}
shift
exec ip netns exec ${prefix}-$host unshare --uts sh -c 'hostname "host-$1"; shift; exec sh -c "$*"' sh "$host" "$@"
`;

let laid = 0;

/**
 * Two hosts with a cable between them. Remove them in the end.
 * @param {{ mbit?: number }} [options] the cable's speed in each direction, in Mbit/s; 1000 unless given
 * @returns {TwoHosts}
 */
export function layCable({ mbit = 1000 } = {}) {
  laid += 1;
  const prefix = `clip-ts-${process.pid}-${laid}`;
  const hosts = addresses.map((address, index) => ({ namespace: `${prefix}-${index + 1}`, address }));
  const [first, second] = hosts.map(({ namespace }) => namespace);
  const folder = mkdtempSync(join(tmpdir(), "clip-ts-hosts-"));
  const agent = join(folder, "shell");
  writeFileSync(agent, shell(prefix), { mode: 0o755 });
  const processes = () =>
    hosts.flatMap(({ namespace }) => {
      const { stdout } = spawnSync("ip", ["netns", "pids", namespace], { encoding: "utf8" });
      return stdout.split("\n").filter(Boolean).map(Number);
    });
  const remove = () => {
    for (const id of processes()) spawnSync("kill", ["-9", String(id)]);
    for (const { namespace } of hosts) spawnSync("ip", ["netns", "del", namespace]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const { namespace } of hosts) must("ip", "netns", "add", namespace);
    const end = ["type", "veth", "peer", "name", cable, "netns", second ?? ""];
    must("ip", "link", "add", cable, "netns", first ?? "", ...end);
    for (const { namespace, address } of hosts) {
      must("ip", "-n", namespace, "addr", "add", `${address}/24`, "dev", cable);
      for (const device of ["lo", cable]) must("ip", "-n", namespace, "link", "set", device, "mtu", "65535", "up");
      must("ip", "netns", "exec", namespace, "sysctl", "-qw", retries);
      const shape = ["root", "tbf", "rate", `${mbit}mbit`, "burst", "1mb", "latency", "50ms"];
      must("ip", "netns", "exec", namespace, "tc", "qdisc", "add", "dev", cable, ...shape);
    }
    const isUp = hosts
      .map(({ namespace }) => `ip -n ${namespace} link show ${cable} | grep -q "state UP"`)
      .join(" && ");
    must("timeout", "10", "sh", "-c", `until ${isUp}; do sleep 0.1; done`);
  } catch (error) {
    remove();
    throw error;
  }
  return {
    command: (mpi, ...words) => {
      const named = ["unshare", "--uts", "sh", "-c", 'hostname host-1; exec "$@"', "sh"];
      return ["ip", "netns", "exec", first ?? "", ...named, ...launch[mpi](agent), ...words];
    },
    pull: () => must("ip", "-n", first ?? "", "link", "set", cable, "down"),
    processes,
    remove,
  };
}

/** @returns {Promise<number>} the program's exit code */
async function main() {
  const { values, positionals } = parseArgs({
    options: { mpi: { type: "string", default: "openmpi" }, mbit: { type: "string", default: "1000" } },
    allowPositionals: true,
  });
  const { mpi } = values;
  const missing = missingForHosts();
  if (missing !== undefined || positionals.length === 0 || (mpi !== "openmpi" && mpi !== "mpich")) {
    console.error(missing ?? "Usage: node scripts/two-hosts.mjs [--mpi openmpi|mpich] [--mbit 1000] -- PROGRAM ...");
    return 1;
  }
  const hosts = layCable({ mbit: Number(values.mbit) });
  const [program, ...words] = hosts.command(mpi, ...positionals);
  const child = spawn(program, words, { stdio: "inherit" });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => hosts.remove());
  const code = await new Promise((resolve) => child.on("close", resolve));
  hosts.remove();
  return code ?? 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = await main();
