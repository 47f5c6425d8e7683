import { largestDifference, randomTensor } from "@clip-ts/test-utils";
import {
  add,
  cast,
  clone,
  dispose,
  div,
  expandDims,
  fill,
  greater,
  matMul,
  mean,
  mul,
  ones,
  range,
  reshape,
  slice,
  sub,
  sum,
  tensor,
  tile,
  transpose,
  zerosLike,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { formatGraph, type Graph } from "../ir/graph.ts";
import { interpret } from "../ir/interpret.ts";
import { trace } from "../trace/trace.ts";
import { foldConstants, foldFills } from "./fold.ts";
import { foldMatMuls, simplifyLayout } from "./simplify-layout.ts";
import type { Pass } from "./optimize.ts";
import { removeDeadCode } from "./liveness.ts";
import { removeIdentities, shareCommonSubexpressions } from "./remove-redundant.ts";
import { simplifyArithmetic } from "./simplify-arithmetic.ts";

type Inputs = Readonly<Record<string, Tensor>>;

const shapes = { x: { shape: [2, 3] }, w: { shape: [4, 3] } };

/** The graph as traced, the graph after a pass and a clean-up, and how far their results are apart. */
function beforeAndAfter(run: (inputs: Inputs) => Inputs, pass: Pass): string {
  const before = trace(run, shapes);
  const passed = pass(before);
  expect(pass(passed), "a second time there is nothing to do").toBe(passed);
  const after = removeDeadCode(passed);
  expect(apart(before, after)).toBe(0);
  return `${formatGraph(removeDeadCode(before))}\n=>\n${formatGraph(after)}`;
}

function apart(before: Graph, after: Graph): number {
  const inputs = { x: randomTensor([2, 3], "x"), w: randomTensor([4, 3], "w") };
  const [expected, actual] = [interpret(before, inputs), interpret(after, inputs)];
  const differences = Object.entries(expected).map(([name, tensor]) =>
    largestDifference(actual[name]!.dataSync(), tensor.dataSync()),
  );
  dispose([inputs, expected, actual] as never);
  return Math.max(...differences);
}

test("identities vanish, and an added axis is a reshape", () => {
  const run = ({ x }: Inputs): Inputs => {
    const same = tile(reshape(cast(clone(x!), "float32"), [-1, 3]), [1, 1]);
    return { y: mean(expandDims(same, 1), 1), z: cast(cast(greater(x!, 0), "int32"), "float32") };
  };
  expect(beforeAndAfter(run, removeIdentities)).toMatchInlineSnapshot(`
    "%0[2,3] = input x
    %1[4,3] = input w
    %2[2,3] = Identity %0
    %3[2,3] = Cast %2 dtype="float32"
    %4[2,3] = Reshape %3 shape=[-1,3]
    %5[2,3] = Tile %4 reps=[1,1]
    %6[2,1,3] = ExpandDims %5 dim=1
    %7[2,3] = Mean %6 axis=1 keepDims=false
    %8[] = Fill value=0
    %9[2,3] bool = Greater %0 %8
    %10[2,3] int32 = Cast %9 dtype="int32"
    %11[2,3] = Cast %10 dtype="float32"
    output y = %7
    output z = %11
    =>
    %0[2,3] = input x
    %1[4,3] = input w
    %12[2,1,3] = Reshape %0 shape=[2,1,3]
    %13[2,3] = Reshape %12 shape=[2,3]
    %8[] = Fill value=0
    %9[2,3] bool = Greater %0 %8
    %14[2,3] = Cast %9 dtype="float32"
    output y = %13
    output z = %14"
  `);
});

test("repeated numbers are computed with as one number", () => {
  const run = ({ x }: Inputs): Inputs => {
    const halves = slice(transpose(div(ones([3000, 1000]), fill([1000], 2))), [0, 0], [2, 3]);
    return { y: add(mul(x!, halves), zerosLike(x!)) };
  };
  expect(beforeAndAfter(run, foldFills)).toMatchInlineSnapshot(`
    "%0[2,3] = input x
    %1[4,3] = input w
    %2[3000,1000] = Fill value=1
    %3[1000] = Fill shape=[1000] value=2 dtype="float32"
    %4[3000,1000] = RealDiv %2 %3
    %5[1000,3000] = Transpose %4 perm=[1,0]
    %6[2,3] = Slice %5 begin=[0,0] size=[2,3]
    %7[2,3] = Multiply %0 %6
    %8[2,3] = ZerosLike %0
    %9[2,3] = Add %7 %8
    output y = %9
    =>
    %0[2,3] = input x
    %1[4,3] = input w
    %13[2,3] = Fill value=0.5
    %7[2,3] = Multiply %0 %13
    %14[2,3] = Fill value=0
    %9[2,3] = Add %7 %14
    output y = %9"
  `);
});

test("neutral numbers vanish, division by a power of two is a product, nothing is spread in vain", () => {
  const run = ({ x }: Inputs): Inputs => {
    const column = sum(x!, 1, true);
    const spread = mul(column, ones([2, 3]));
    return { y: add(mul(x!, 1), spread), z: div(sub(x!, 0), 4), s: mul(x!, fill([2, 3], 0.3)) };
  };
  expect(beforeAndAfter(run, simplifyArithmetic)).toMatchInlineSnapshot(`
    "%0[2,3] = input x
    %1[4,3] = input w
    %2[2,1] = Sum %0 axis=1 keepDims=true
    %3[2,3] = Fill value=1
    %4[2,3] = Multiply %2 %3
    %5[] = Fill value=1
    %6[2,3] = Multiply %0 %5
    %7[2,3] = Add %6 %4
    %8[] = Fill value=0
    %9[2,3] = Sub %0 %8
    %10[] = Fill value=4
    %11[2,3] = RealDiv %9 %10
    %12[2,3] = Fill shape=[2,3] value=0.3 dtype="float32"
    %13[2,3] = Multiply %0 %12
    output y = %7
    output z = %11
    output s = %13
    =>
    %0[2,3] = input x
    %1[4,3] = input w
    %2[2,1] = Sum %0 axis=1 keepDims=true
    %15[2,3] = Add %0 %2
    %16[] = Fill value=0.25
    %17[2,3] = Multiply %0 %16
    %18[] = Fill value=0.3
    %19[2,3] = Multiply %0 %18
    output y = %15
    output z = %17
    output s = %19"
  `);
});

test("operations on constants are computed at once", () => {
  const run = ({ x }: Inputs): Inputs => ({
    y: add(x!, mul(cast(range(0, 3, 1, "int32"), "float32"), tensor([1, 2, 4]))),
  });
  expect(beforeAndAfter(run, foldConstants)).toMatchInlineSnapshot(`
    "%0[2,3] = input x
    %1[4,3] = input w
    %4[3] = constant 1,2,4
    %2[3] int32 = Range start=0 stop=3 step=1 dtype="int32"
    %3[3] = Cast %2 dtype="float32"
    %5[3] = Multiply %3 %4
    %6[2,3] = Add %0 %5
    output y = %6
    =>
    %0[2,3] = input x
    %1[4,3] = input w
    %9[3] = constant 0,2,8
    %6[2,3] = Add %0 %9
    output y = %6"
  `);
});

test("what is written twice is computed once, constants too", () => {
  const run = ({ x, w }: Inputs): Inputs => ({
    y: add(mul(x!, tensor([1, 2, 3])), mul(tensor([1, 2, 3]), x!)),
    z: sub(matMul(x!, w!, false, true), matMul(x!, w!, false, true)),
  });
  expect(beforeAndAfter(run, shareCommonSubexpressions)).toMatchInlineSnapshot(`
    "%0[2,3] = input x
    %1[4,3] = input w
    %2[3] = constant 1,2,3
    %4[3] = constant 1,2,3
    %3[2,3] = Multiply %0 %2
    %5[2,3] = Multiply %4 %0
    %6[2,3] = Add %3 %5
    %7[2,4] = BatchMatMul %0 %1 transposeA=false transposeB=true
    %8[2,4] = BatchMatMul %0 %1 transposeA=false transposeB=true
    %9[2,4] = Sub %7 %8
    output y = %6
    output z = %9
    =>
    %0[2,3] = input x
    %1[4,3] = input w
    %2[3] = constant 1,2,3
    %3[2,3] = Multiply %0 %2
    %6[2,3] = Add %3 %3
    %7[2,4] = BatchMatMul %0 %1 transposeA=false transposeB=true
    %9[2,4] = Sub %7 %7
    output y = %6
    output z = %9"
  `);
});

test("chains of reshapes and of transposes are one, and moving a side of 1 moves nothing", () => {
  const run = ({ x, w }: Inputs): Inputs => ({
    y: reshape(reshape(x!, [3, 2]), [6]),
    z: transpose(transpose(reshape(w!, [2, 2, 3]), [2, 0, 1]), [1, 0, 2]),
    one: transpose(reshape(x!, [2, 1, 3]), [1, 0, 2]),
  });
  expect(beforeAndAfter(run, simplifyLayout)).toMatchInlineSnapshot(`
    "%0[2,3] = input x
    %1[4,3] = input w
    %2[3,2] = Reshape %0 shape=[3,2]
    %3[6] = Reshape %2 shape=[6]
    %4[2,2,3] = Reshape %1 shape=[2,2,3]
    %5[3,2,2] = Transpose %4 perm=[2,0,1]
    %6[2,3,2] = Transpose %5 perm=[1,0,2]
    %7[2,1,3] = Reshape %0 shape=[2,1,3]
    %8[1,2,3] = Transpose %7 perm=[1,0,2]
    output y = %3
    output z = %6
    output one = %8
    =>
    %0[2,3] = input x
    %1[4,3] = input w
    %9[6] = Reshape %0 shape=[6]
    %4[2,2,3] = Reshape %1 shape=[2,2,3]
    %10[2,3,2] = Transpose %4 perm=[0,2,1]
    %11[1,2,3] = Reshape %0 shape=[1,2,3]
    output y = %9
    output z = %10
    output one = %11"
  `);
});

test("matmuls read transposed operands in place, and one matrix times many is one matmul", () => {
  const run = ({ x, w }: Inputs): Inputs => ({
    y: matMul(x!, transpose(w!)),
    z: matMul(reshape(x!, [1, 2, 3]), reshape(w!, [1, 4, 3]), false, true),
    many: matMul(reshape(w!, [2, 2, 3]), reshape(x!, [1, 2, 3]), false, true),
  });
  expect(beforeAndAfter(run, foldMatMuls)).toMatchInlineSnapshot(`
    "%0[2,3] = input x
    %1[4,3] = input w
    %2[3,4] = Transpose %1 perm=[1,0]
    %3[2,4] = BatchMatMul %0 %2 transposeA=false transposeB=false
    %4[1,2,3] = Reshape %0 shape=[1,2,3]
    %5[1,4,3] = Reshape %1 shape=[1,4,3]
    %6[1,2,4] = BatchMatMul %4 %5 transposeA=false transposeB=true
    %7[2,2,3] = Reshape %1 shape=[2,2,3]
    %8[1,2,3] = Reshape %0 shape=[1,2,3]
    %9[2,2,2] = BatchMatMul %7 %8 transposeA=false transposeB=true
    output y = %3
    output z = %6
    output many = %9
    =>
    %0[2,3] = input x
    %1[4,3] = input w
    %10[2,4] = BatchMatMul %0 %1 transposeA=false transposeB=true
    %4[1,2,3] = Reshape %0 shape=[1,2,3]
    %5[1,4,3] = Reshape %1 shape=[1,4,3]
    %11[2,3] = Reshape %4 shape=[2,3]
    %12[4,3] = Reshape %5 shape=[4,3]
    %13[2,4] = BatchMatMul %11 %12 transposeA=false transposeB=true
    %14[1,2,4] = Reshape %13 shape=[1,2,4]
    %7[2,2,3] = Reshape %1 shape=[2,2,3]
    %8[1,2,3] = Reshape %0 shape=[1,2,3]
    %15[4,3] = Reshape %7 shape=[4,3]
    %16[2,3] = Reshape %8 shape=[2,3]
    %17[4,2] = BatchMatMul %15 %16 transposeA=false transposeB=true
    %18[2,2,2] = Reshape %17 shape=[2,2,2]
    output y = %10
    output z = %14
    output many = %18"
  `);
});
