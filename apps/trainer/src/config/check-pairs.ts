import { ClipError } from "@clip-ts/base";
import { lossOf, type ClipConfig } from "@clip-ts/model";
import { note } from "../cli/output.ts";

/**
 * Checks that a step compares at least two pairs. Under the contrastive loss one pair has nothing to be
 * told apart from: every logit of the softmax is the right one, so the loss is 0 and its gradient with
 * it, also with label smoothing, several positives or a teacher, and weights only decay. The sigmoid loss
 * of one pair has a gradient, but nothing in it keeps features apart: that is only said.
 * @param remedy What to change, as an end of the sentence.
 * @throws ClipError "bad-config" for one pair under the contrastive loss.
 */
export function checkPairs(clip: ClipConfig, pairs: number, remedy: string): void {
  if (pairs > 1) return;
  if (lossOf(clip).kind === "contrastive") {
    throw new ClipError(
      "bad-config",
      "A step of one pair has nothing to tell apart: the contrastive loss is 0 whatever the model says, " +
        `and nothing would be learnt. ${remedy}`,
      { data: { pairs } },
    );
  }
  note(
    `note    a step of one pair shows what belongs together and nothing that does not. ${remedy}`,
  );
}
