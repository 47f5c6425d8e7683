import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { validate as dockerfileFaults } from "dockerfile-utils";
import { expect, test } from "vitest";
import { type Document, parseAllDocuments } from "yaml";

type Json = Readonly<Record<string, unknown>>;

const folder = fileURLToPath(new URL("../deploy/", import.meta.url));
const text = (name: string): string => readFileSync(folder + name, "utf8");
const documents = (name: string): Json[] =>
  (parseAllDocuments(text(name), { merge: true }) as Document.Parsed[]).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Json;
  });

/** The same value, which notes what is read of it. */
function watched(value: unknown, path: string, read: Set<string>): unknown {
  if (typeof value !== "object" || value === null) return value;
  return new Proxy(value, {
    get(target, key, receiver) {
      const at = `${path}/${String(key)}`;
      read.add(at);
      return watched(Reflect.get(target, key, receiver), at, read);
    },
  });
}

function pathsOf(value: unknown, path: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [`${path}/${key}`, ...pathsOf(inner, `${path}/${key}`)]);
}

interface Schema {
  validate: { (data: unknown): boolean; errors?: readonly { instancePath: string; keyword: string }[] | null };
}

const require = createRequire(import.meta.url);
/** Kubernetes' own schemas, as functions; the package's classes would copy what they check. */
const schema = (name: string): Schema =>
  require(join(dirname(require.resolve("kubernetes-models")), "_schemas", `${name}.js`)) as Schema;
const [job, jobTemplate, podTemplate] = [
  schema("IoK8sApiBatchV1Job"),
  schema("IoK8sApiBatchV1JobTemplateSpec"),
  schema("IoK8sApiCoreV1PodTemplateSpec"),
];

/**
 * What Kubernetes' schema says against a value, and what the schema has no word for: it looks at every key that
 * it knows, and no other.
 */
function faultsOf({ validate }: Schema, value: unknown): string[] {
  const read = new Set<string>();
  validate(watched(value, "", read));
  const said = (validate.errors ?? []).map(({ instancePath, keyword }) => `${instancePath}: ${keyword}`);
  return [...said, ...pathsOf(value, "").filter((path) => !read.has(path))];
}

/** The keys that a custom resource's types have beside those of Kubernetes' own. */
function expectKeys(value: unknown, known: readonly string[]): void {
  expect(Object.keys(value as Json).filter((key) => !known.includes(key))).toEqual([]);
}

test("the Indexed Job is one by Kubernetes' schema, and says twice how many parts there are", () => {
  const [written] = documents("indexed-job.yaml") as [Json];
  expect(written).toMatchObject({ apiVersion: "batch/v1", kind: "Job" });
  expect(faultsOf(job, written)).toEqual([]);
  const spec = written["spec"] as Json;
  expect(faultsOf(job, { ...written, spec: { ...spec, completion: 3 } })).toEqual(["/spec/completion"]);
  expect(faultsOf(job, { ...written, spec: { ...spec, completions: "all" } })).toContain("/spec/completions: type");
  const { completions, template } = spec as { completions: number; template: Json };
  const { containers } = template["spec"] as { containers: { env: { name: string; value: string }[] }[] };
  expect(containers[0]!.env).toContainEqual({ name: "JOB_COMPLETIONS", value: String(completions) });
});

test("the MPIJob is a v2beta1 one, its pods by Kubernetes' schema", () => {
  const [written] = documents("mpijob.yaml") as [Json];
  expect(written).toMatchObject({ apiVersion: "kubeflow.org/v2beta1", kind: "MPIJob" });
  const spec = written["spec"] as Json;
  expectKeys(spec, ["slotsPerWorker", "runPolicy", "mpiReplicaSpecs", "sshAuthMountPath", "mpiImplementation"]);
  expect(["OpenMPI", "Intel", "MPICH"]).toContain(spec["mpiImplementation"]);
  const { cleanPodPolicy, ...policy } = spec["runPolicy"] as Json;
  expect(["None", "Running", "All"]).toContain(cleanPodPolicy);
  expectKeys(policy, ["backoffLimit", "ttlSecondsAfterFinished", "activeDeadlineSeconds", "suspend"]);
  const replicas = spec["mpiReplicaSpecs"] as Readonly<Record<string, Json>>;
  expect(Object.keys(replicas)).toEqual(["Launcher", "Worker"]);
  for (const replica of Object.values(replicas)) {
    expectKeys(replica, ["replicas", "restartPolicy", "template"]);
    expect(faultsOf(podTemplate, replica["template"])).toEqual([]);
  }
});

test("the TrainJob names its runtime, whose job set is made of Kubernetes' jobs", () => {
  const [runtime, written] = documents("trainjob.yaml") as [Json, Json];
  expect(runtime).toMatchObject({ apiVersion: "trainer.kubeflow.org/v1alpha1", kind: "TrainingRuntime" });
  expect(written).toMatchObject({ apiVersion: "trainer.kubeflow.org/v1alpha1", kind: "TrainJob" });
  const { mlPolicy, template } = runtime["spec"] as { mlPolicy: { mpi: Json }; template: { spec: Json } };
  expectKeys(mlPolicy, ["numNodes", "mpi"]);
  expectKeys(mlPolicy.mpi, ["numProcPerNode", "mpiImplementation", "sshAuthMountPath", "runLauncherAsNode"]);
  expectKeys(template.spec, ["network", "successPolicy", "replicatedJobs"]);
  const jobs = template.spec["replicatedJobs"] as Json[];
  expect(jobs.map(({ name }) => name)).toEqual(["node", "launcher"]);
  for (const replicated of jobs) {
    expectKeys(replicated, ["name", "dependsOn", "replicas", "template"]);
    expect(faultsOf(jobTemplate, replicated["template"])).toEqual([]);
  }
  const { runtimeRef, trainer } = written["spec"] as { runtimeRef: Json; trainer: Json };
  expect(runtimeRef).toEqual({ kind: runtime["kind"], name: (runtime["metadata"] as Json)["name"] });
  expectKeys(trainer, ["numNodes", "numProcPerNode", "image", "command", "args", "env", "resourcesPerNode"]);
  expect(trainer["numNodes"]).toBe((mlPolicy as Json)["numNodes"]);
});

test("the Dockerfile has no fault that a language server names, and the manifests mount keys where its user's are", () => {
  expect(dockerfileFaults(text("Dockerfile"))).toEqual([]);
  const mounts = ["mpijob.yaml", "trainjob.yaml"].map((name) => /sshAuthMountPath: (.*)/u.exec(text(name))?.[1]);
  expect(mounts).toEqual(["/mpi/.ssh", "/mpi/.ssh"]);
  expect(text("sshd_config")).toContain("AuthorizedKeysFile /mpi/.ssh/authorized_keys");
});

const scripts = readdirSync(folder).filter((name) => name.endsWith(".sbatch"));
const run = (program: string, ...args: string[]) => spawnSync(program, args, { cwd: folder, encoding: "utf8" });
const has = (program: string, ...args: string[]): boolean => run(program, ...args).status === 0;

test.skipIf(!has("bash", "--version"))("Slurm's scripts are bash, and say how they are called", () => {
  expect(scripts).toEqual(["slurm-embed.sbatch", "slurm-train.sbatch"]);
  for (const script of scripts) {
    expect(run("bash", "-n", script)).toMatchObject({ status: 0, stderr: "" });
    const { status, stderr } = run("bash", script);
    expect(status).toBe(64);
    expect(stderr).toMatch(/^usage: sbatch .*\.sbatch /u);
  }
});

test.skipIf(!has("shellcheck", "--version"))(
  "ShellCheck has nothing to say of Slurm's scripts (needs shellcheck)",
  () => {
    expect(run("shellcheck", ...scripts)).toMatchObject({ status: 0, stdout: "" });
  },
);

const compose = [["docker", "compose"], ["docker-compose"]].find(([program = "", ...words]) =>
  has(program, ...words, "version"),
);
test.skipIf(compose === undefined)("Compose reads its file (needs docker compose)", () => {
  const [program = "", ...words] = compose!;
  expect(run(program, ...words, "--file", "compose.yaml", "config", "--quiet")).toMatchObject({
    status: 0,
    stderr: "",
  });
});
