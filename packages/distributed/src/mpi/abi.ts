import { ClipError } from "@clip-ts/base";
import type { LibraryHandle } from "koffi";

/** A handle as koffi passes it: a number where handles are ints, an address or a constant elsewhere. */
export type MpiHandle = number | bigint;

/** The predefined handles that are used here. */
interface Handles {
  readonly world: MpiHandle;
  readonly errorsReturn: MpiHandle;
  readonly float: MpiHandle;
  readonly int32: MpiHandle;
  readonly byte: MpiHandle;
  readonly sum: MpiHandle;
  readonly max: MpiHandle;
  readonly min: MpiHandle;
}

/** What one family of MPI libraries fixes in binary: the standard before MPI-5 names it in C's headers only. */
export interface MpiAbi extends Handles {
  readonly name: "Open MPI" | "MPICH" | "MPI-5";
  /** The C type of a handle, in koffi's words. */
  readonly handle: "int" | "uintptr_t";
  /** MPI_IN_PLACE as a number. */
  readonly inPlace: number;
  /** MPI_THREAD_MULTIPLE. */
  readonly threadMultiple: number;
}

/** MPICH's ints, which MVAPICH, Intel MPI, Cray MPICH and others share (mpi.h; the MPICH ABI Compatibility Initiative). */
const mpich: MpiAbi = {
  name: "MPICH",
  handle: "int",
  inPlace: -1,
  threadMultiple: 3,
  world: 0x44000000,
  errorsReturn: 0x54000001,
  float: 0x4c00040a,
  int32: 0x4c000439,
  byte: 0x4c00010d,
  sum: 0x58000003,
  max: 0x58000001,
  min: 0x58000002,
};

/** MPI: A Message-Passing Interface Standard, version 5.0, section 20.3 and annex A.1. */
const standard: MpiAbi = {
  name: "MPI-5",
  handle: "uintptr_t",
  inPlace: 1,
  threadMultiple: 4096,
  world: 0x101,
  errorsReturn: 0x143,
  float: 0x210,
  int32: 0x250,
  byte: 0x247,
  sum: 0x21,
  max: 0x23,
  min: 0x22,
};

/** Open MPI's handles are addresses of its objects. */
function openMpi(library: LibraryHandle): MpiAbi {
  const address = (name: string): bigint => library.symbol(`ompi_mpi_${name}`) as bigint;
  return {
    name: "Open MPI",
    handle: "uintptr_t",
    inPlace: 1,
    threadMultiple: 3,
    world: address("comm_world"),
    errorsReturn: address("errors_return"),
    float: address("float"),
    int32: address("int32_t"),
    byte: address("byte"),
    sum: address("op_sum"),
    max: address("op_max"),
    min: address("op_min"),
  };
}

/** The two numbers that a function of two pointers to int writes; undefined where there is no such function. */
function versionBy(library: LibraryHandle, name: string): readonly [number, number] | undefined {
  const [major, minor] = [new Int32Array(1), new Int32Array(1)];
  try {
    library.func(name, "int", ["void *", "void *"])(major, minor);
  } catch {
    return undefined;
  }
  return [major[0] as number, minor[0] as number];
}

/**
 * Which ABI a loaded library has. Calls nothing that MPI does not allow before it is initialised.
 * @param version what MPI_Get_library_version says
 * @throws ClipError "unsupported" for the draft of MPI-5's ABI in MPICH 4.3, whose constants are others, and for
 * libraries of no known ABI.
 */
export function abiOf(library: LibraryHandle, version: string): MpiAbi {
  const [abi = -1] = versionBy(library, "MPI_Abi_get_version") ?? [];
  const [standardVersion = 0] = versionBy(library, "MPI_Get_version") ?? [];
  const own = abi < 1 ? version : "";
  if (abi >= 1 && standardVersion >= 5) return standard;
  if (/open mpi/i.test(own)) return openMpi(library);
  if (/mpich|mvapich|intel\(r\) mpi/i.test(own)) return mpich;
  throw new ClipError(
    "unsupported",
    `Expected Open MPI, MPICH or a relative of it, or a library with the ABI of MPI 5; got "${version}" ` +
      `(MPI ${standardVersion}, ABI ${abi}). Name another by CLIP_TS_MPI_LIBRARY.`,
    { data: { version, abi, standardVersion } },
  );
}
