import { spawn, spawnSync, type ChildProcess } from "node:child_process";

/** What starts ranks under a library of MPI, by the name that Debian gives it where several are installed. */
export interface MpiLauncher {
  readonly name: "Open MPI" | "MPICH";
  readonly program: string;
  readonly flags: readonly string[];
  /** A signal that it passes on to the ranks, and waits for them. */
  readonly passesOn: NodeJS.Signals;
}

const launchers: readonly MpiLauncher[] = [
  {
    name: "Open MPI",
    program: "mpirun.openmpi",
    flags: ["--allow-run-as-root", "--oversubscribe"],
    passesOn: "SIGUSR2",
  },
  { name: "MPICH", program: "mpirun.mpich", flags: [], passesOn: "SIGINT" },
];

/** The launchers that are installed; what is missing is said. */
export function mpiLaunchersHere(): readonly MpiLauncher[] {
  return launchers.filter(({ name, program }) => {
    const isHere = spawnSync(program, ["--version"]).status === 0;
    if (!isHere) console.warn(`SKIPPED: ranks under ${name}, as there is no ${program} (apt-get install its package).`);
    return isHere;
  });
}

/** How processes that were started together ended. */
export interface RanksEnded {
  /** The launcher's exit code. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Ranks at work. */
export interface StartedRanks {
  readonly child: ChildProcess;
  readonly ended: Promise<RanksEnded>;
  /** Resolves to what a pattern finds in the output, as soon as it does. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
}

/** A script, and how it is started. */
export interface RanksStart {
  /** None starts the script by itself. */
  readonly launcher?: Pick<MpiLauncher, "program" | "flags"> | undefined;
  /** 2 unless given. */
  readonly ranks?: number;
  /** The script and what it is told. */
  readonly words: readonly string[];
  /** Variables that the ranks have besides. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts a script with Node, on ranks if there is a launcher. */
export function startRanks({ launcher, ranks = 2, words, environment = {} }: RanksStart): StartedRanks {
  const before = launcher === undefined ? [] : [launcher.program, ...launcher.flags, "-np", String(ranks)];
  const [program, ...rest] = [...before, process.execPath, ...words] as [string, ...string[]];
  const env = { ...process.env, NO_COLOR: "1", ...environment };
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"], env });
  let [stdout, stderr] = ["", ""];
  const listeners = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<RanksEnded>((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ code, stdout, stderr }));
  });
  const printed = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(stdout);
        if (found !== null) resolve(found);
      };
      listeners.add(look);
      look();
      void ended.then((how) => reject(new Error(`${String(pattern)} was never printed: ${JSON.stringify(how)}`)));
    });
  return { child, ended, printed };
}
