import { flattenTree, unflattenLike, valueAndGradient } from "@clip-ts/core";
import "@clip-ts/core/gradients";
import { clipSpec, forward, initClip, preset } from "@clip-ts/model";
import { getGradient, registerGradient, unregisterGradient, tensor, zeros, type Tensor } from "@tensorflow/tfjs-core";
import { test } from "vitest";
import { rules } from "../../core/src/gradients/rules.ts";
import { optimize } from "./passes/optimize.ts";
import { trace } from "./trace/trace.ts";
const own = Object.keys(rules).map((n) => getGradient(n));
own.forEach((c) => unregisterGradient(c.kernelName));
await import("@tensorflow/tfjs");
const theirs = Object.keys(rules).map((n) => getGradient(n)).filter((c) => c != null);
function count(name: string, loss: string) {
  const config = { ...preset(name as never), ...(loss === "sigmoid" ? { loss: "sigmoid", } : {}) } as any;
  const spec = clipSpec(config);
  const inputs: any = Object.fromEntries(Object.entries(flattenTree(spec) as any).map(([p, s]: any) => [p, { shape: s.shape }]));
  const side = config.vision.imageSize, len = config.text.contextLength;
  const batch = 8;
  const g = trace((given: any) => {
    const { pixelValues, inputIds, ...leaves } = given;
    const entries = Object.entries(leaves).filter(([p]) => !/running_/.test(p));
    const fixed = Object.fromEntries(Object.entries(leaves).filter(([p]) => /running_/.test(p)));
    const { value, gradient } = valueAndGradient((own: any) => ({ loss: forward(unflattenLike(spec, { ...own, ...fixed } as any) as any, { pixelValues, inputIds }, config, { training: true }).loss }), Object.fromEntries(entries) as any);
    return { loss: value, ...(flattenTree(gradient as any) as any) };
  }, { ...inputs, pixelValues: { shape: [batch, 3, side, side] }, inputIds: { shape: [batch, len], dtype: "int32" } });
  const o = optimize(g);
  const ops: Record<string, number> = {};
  for (const n of o.nodes) ops[n.op] = (ops[n.op] ?? 0) + 1;
  return { traced: g.nodes.length, optimized: o.nodes.length, ops };
}
test("count", () => {
  for (const [name, loss] of [["ViT-B/32", ""], ["small", ""], ["small", "sigmoid"], ["RN50", ""], ["ViT-B-16-SigLIP", ""], ["ViT-B-32-roberta", ""]]) {
    try {
      theirs.forEach((c) => registerGradient(c));
      const a = count(name!, loss!);
      own.forEach((c) => registerGradient(c));
      const b = count(name!, loss!);
      const keys = [...new Set([...Object.keys(a.ops), ...Object.keys(b.ops)])];
      const diff = keys.filter((k) => a.ops[k] !== b.ops[k]).map((k) => `${k} ${a.ops[k] ?? 0}->${b.ops[k] ?? 0}`);
      console.log(name, loss, "traced", a.traced, "->", b.traced, "optimized", a.optimized, "->", b.optimized, diff.join(", "));
    } catch (e) { console.log(name, String(e).slice(0, 300)); }
  }
}, 300000);
