import { goldenArrays, goldenTensors } from "@clip-ts/test-utils";
import {
  add,
  div,
  exp,
  eye,
  logSumExp,
  matMul,
  mean,
  mul,
  neg,
  norm,
  softplus,
  sub,
  sum,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";

/** Features of length 1. [batch, dim] → same. */
export const unit = (features: Tensor): Tensor => div(features, norm(features, 2, 1, true));

/** The symmetric cross entropy of matching pairs, as open_clip's `ClipLoss`. */
export function contrastiveLoss(image: Tensor, text: Tensor, scale: Tensor): Tensor {
  const logits = mul(matMul(unit(image), text, false, true), scale);
  const matching = sum(mul(logits, eye(logits.shape[0] as number)), 1);
  const oneWay = (axis: number): Tensor => mean(sub(logSumExp(logits, axis), matching));
  return div(add(oneWay(0), oneWay(1)), 2);
}

/** SigLIP's loss: every pair by itself, matching or not, divided by the batch. */
export function sigmoidLoss(image: Tensor, text: Tensor, scale: Tensor, bias: Tensor): Tensor {
  const logits = add(mul(matMul(unit(image), text, false, true), scale), bias);
  const count = logits.shape[0] as number;
  const signs = sub(mul(eye(count), 2), 1);
  return div(sum(softplus(neg(mul(signs, logits)))), count);
}

test("the losses of the reference features are the reference's", async () => {
  const { image_embeds_train, text_embeds } = goldenTensors("clip-resnet/io.safetensors");
  const { logit_scale } = goldenTensors("clip-resnet/open_clip_model.safetensors");
  const { loss_train } = goldenArrays("clip-resnet/io.safetensors");
  const loss = contrastiveLoss(image_embeds_train!, text_embeds!, exp(logit_scale!));
  expect((await loss.data())[0]).toBeCloseTo(loss_train!.values[0]!, 5);
  const siglip = goldenTensors("siglip/io.safetensors");
  const learned = goldenTensors("siglip/model.safetensors");
  const pairwise = sigmoidLoss(
    siglip["image_embeds"]!,
    siglip["text_embeds"]!,
    exp(learned["logit_scale"]!),
    learned["logit_bias"]!,
  );
  expect((await pairwise.data())[0]).toBeCloseTo(goldenArrays("siglip/io.safetensors")["loss"]!.values[0]!, 4);
});
