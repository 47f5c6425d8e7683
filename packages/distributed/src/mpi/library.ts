import { createRequire } from "node:module";
import { ClipError } from "@clip-ts/base";
import type * as Koffi from "koffi";
import type { Environment, Launch, MpiFamily } from "../launch.ts";
import { abiOf, type MpiAbi } from "./abi.ts";

/** A loaded library of MPI that nothing was asked of yet. */
export interface MpiLibrary {
  /** The name or path it was loaded by. */
  readonly path: string;
  /** What it says it is, in one line. */
  readonly version: string;
  readonly abi: MpiAbi;
  readonly functions: Koffi.LibraryHandle;
  /** The C library's alarm: ends the process in so many seconds, whatever it waits in; 0 calls that off. */
  readonly alarm: (seconds: number) => void;
}

/** Bytes of stack a call has on another thread. MPICH crashes with koffi's 128 KiB and works with 256. */
const asyncStackBytes = 2 ** 20;
const enoughStackBytes = 2 ** 18;

/** MPI_MAX_LIBRARY_VERSION_STRING is 256 in Open MPI, 8192 in MPICH and MPI-5. */
const versionBytes = 8192;

/** Debian calls MPICH's library libmpich; elsewhere it and its relatives are libmpi.so.12. */
const namesOf: Readonly<Record<MpiFamily, readonly string[]>> = {
  "open-mpi": ["libmpi.so.40"],
  mpich: ["libmpich.so.12", "libmpi.so.12"],
};

/** Libraries with the ABI of MPI 5, whatever they are made of. */
const standardNames = ["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi_abi.so"];

/** What the launcher's own kind of library is called first; another is tried only where that is not installed. */
function namesToTry(environment: Environment, launch: Launch | undefined): readonly string[] {
  const named = environment["CLIP_TS_MPI_LIBRARY"];
  if (named !== undefined && named !== "") return [named];
  const family = launch?.family;
  if (family !== undefined) return [...namesOf[family], ...standardNames];
  // PMI is MPICH's, PMIx came with Open MPI; Slurm offers both
  const isPmi = environment["PMI_RANK"] !== undefined && environment["PMIX_RANK"] === undefined;
  const [first, second]: MpiFamily[] = isPmi ? ["mpich", "open-mpi"] : ["open-mpi", "mpich"];
  return [...namesOf[first as MpiFamily], ...namesOf[second as MpiFamily], ...standardNames];
}

/**
 * What libraries are told, unless the environment says otherwise.
 *
 * MPICH's and Open MPI's transport UCX rewrites the C library's mmap and munmap in place as it is loaded, to learn what
 * memory goes. Node's other threads run those very instructions: 3 of 180 starts under MPICH ended by a segmentation
 * fault. Told to watch no memory it rewrites nothing, and what it would have kept pinned between calls it pins anew.
 *
 * Sums that nobody waits in (`beside`) Open MPI makes by sending all to one rank and back; in a ring, both directions
 * of the network are used, and every rank adds up its part.
 */
const settings = { UCX_MEM_EVENTS: "n", OMPI_MCA_coll_libnbc_iallreduce_algorithm: "1" };

function applySettings(): void {
  for (const [name, value] of Object.entries(settings)) process.env[name] ??= value;
}

const require = createRequire(import.meta.url);

function loadKoffi(): typeof Koffi {
  let koffi: typeof Koffi;
  try {
    koffi = require("koffi") as typeof Koffi;
  } catch (cause) {
    const message = "MPI is called through the package koffi, which is not installed: npm install koffi@3.3.4";
    throw new ClipError("engine-unavailable", message, { cause });
  }
  try {
    koffi.config({ async_stack_size: asyncStackBytes });
  } catch (cause) {
    // Fixed when the first library is loaded, which somebody else did.
    const { async_stack_size: bytes = 0 } = koffi.config();
    if (bytes >= enoughStackBytes) return koffi;
    const message =
      `MPI needs ${enoughStackBytes} bytes of stack for koffi's asynchronous calls, and they have ${bytes}, fixed ` +
      "since another library was loaded. Call joinMpi before all else that uses koffi.";
    throw new ClipError("engine-unavailable", message, { data: { bytes }, cause });
  }
  return koffi;
}

/** RTLD_NOW, RTLD_GLOBAL and RTLD_NODELETE of Linux's <dlfcn.h>. */
const keepForEver = 0x2 + 0x100 + 0x1000;

/**
 * Keeps a library in memory until the process is gone: koffi unloads it when JavaScript ends, under threads of Open
 * MPI's that still run, and a rank that was done ended by a segmentation fault.
 */
function keepLoaded(koffi: typeof Koffi, path: string): void {
  koffi.load(null).func("dlopen", "uintptr_t", ["str", "int"])(path, keepForEver);
}

/** The text in a buffer that a C function wrote. */
export function textIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end)).trim();
}

function describe(library: Koffi.LibraryHandle, path: string): string {
  const text = new Uint8Array(versionBytes);
  try {
    library.func("MPI_Get_library_version", "int", ["void *", "void *"])(text, new Int32Array(1));
  } catch (cause) {
    const message = `${path} is no library of MPI 3 or later: it has no MPI_Get_library_version. Name another by CLIP_TS_MPI_LIBRARY.`;
    throw new ClipError("engine-unavailable", message, { data: { path }, cause });
  }
  // Open MPI: "Open MPI v4.1.4, package: …, ident: …"; MPICH: a table, "MPICH Version:\t4.0.2\nMPICH Release date:\t…"
  const [line = ""] = textIn(text).split("\n");
  const [name = ""] = line.split(", package:");
  return name.replaceAll(/\s*Version:\s*/g, " ").trim();
}

/**
 * Loads the library of MPI that belongs to who started the process, or the one that CLIP_TS_MPI_LIBRARY names.
 * @throws ClipError "engine-unavailable" without koffi or without a library, with what was looked for; "unsupported"
 * for a library of another ABI.
 */
export function loadMpi(environment: Environment, launch: Launch | undefined): MpiLibrary {
  const names = namesToTry(environment, launch);
  const koffi = loadKoffi();
  applySettings();
  const reasons: string[] = [];
  for (const path of names) {
    let functions: Koffi.LibraryHandle;
    try {
      // Open MPI's components find their symbols in what is loaded for all
      functions = koffi.load(path, { global: true });
    } catch (error) {
      reasons.push((error as Error).message);
      continue;
    }
    keepLoaded(koffi, path);
    const version = describe(functions, path);
    const alarm: (seconds: number) => void = koffi.load(null).func("alarm", "uint", ["uint"]);
    return { path, version, abi: abiOf(functions, version), functions, alarm };
  }
  throw new ClipError(
    "engine-unavailable",
    `No MPI library was found (looked for ${names.join(", ")}). Install one, such as Debian's openmpi-bin or mpich, ` +
      `or name it by CLIP_TS_MPI_LIBRARY. ${reasons[0] ?? ""}`.trim(),
    { data: { names, reasons } },
  );
}
