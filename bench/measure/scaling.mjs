// @ts-check
// What a step of training takes on N ranks, from what was measured on one: the formula of docs/scaling.md.

/**
 * @typedef {object} Measured what one rank takes for its own pairs
 * @property {number} seconds of a step of one rank alone
 * @property {number} spread standard deviation of that, in seconds: ranks wait for the slowest
 * @property {number} pairs of one rank
 * @property {number} parameters that learn
 * @property {number} dim values of an image's or a text's features
 * @property {number} flops a second, of large matmuls
 */

/**
 * @typedef {object} Network
 * @property {number} bytes a second, each way, of one rank
 * @property {number} latency seconds until the first byte of a message is there
 * @property {number} hidden share of the sum of gradients that runs beside the backward pass, 0 to 1
 */

/** Share of a step that is the backward pass, beside which gradients can be summed: two of three matmuls. */
const backward = 2 / 3;

/** Bytes of a float32. */
const float = 4;

/**
 * Seconds of the parts of a step. The gather brings each rank the features of all others; the sum of the gradients is a
 * ring, or halving and doubling, which send as many bytes (Thakur, Rabenseifner, Gropp 2005). The comparison is the
 * local form: a rank's images with all texts and its texts with all images, forward and twice backward.
 * @param {number} ranks
 * @param {Measured} measured
 * @param {Network} network
 */
export function partsOfStep(ranks, { seconds, spread, pairs, parameters, dim, flops }, { bytes, latency, hidden }) {
  const others = ranks - 1;
  const rounds = Math.ceil(Math.log2(ranks));
  const gather = (2 * others * pairs * dim * float) / bytes + 2 * rounds * latency;
  const sum = (2 * (others / ranks) * parameters * float) / bytes + 2 * rounds * latency;
  const beside = Math.min(hidden * sum, backward * seconds);
  const compare = (12 * others * pairs * pairs * dim) / flops;
  const waiting = spread * Math.sqrt(2 * Math.log(ranks));
  return { gather, sum, exposed: sum - beside, compare, waiting };
}

/**
 * The share of its time that a rank spends on what it would do alone: pairs a second, divided by ranks times those of one.
 * @param {number} ranks
 * @param {Measured} measured
 * @param {Network} network
 */
export function efficiencyOf(ranks, measured, network) {
  const { gather, exposed, compare, waiting } = partsOfStep(ranks, measured, network);
  return measured.seconds / (measured.seconds + gather + exposed + compare + waiting);
}

/**
 * Parameters and multiply-adds of one pair, of a model of two transformers: in each block 12 width² parameters, each used
 * once a token, and attention's two products of tokens by tokens.
 * @param {any} config of the model
 * @param {number} tokens of a caption
 */
export function multiplyAdds({ vision, text, projectionDim }, tokens) {
  /** @param {{ width: number, layers: number }} tower @param {number} length */
  const blocks = ({ width, layers }, length) => layers * (12 * width ** 2 * length + 2 * width * length ** 2);
  const patches = (vision.imageSize / vision.patchSize) ** 2;
  const patch = 3 * vision.patchSize ** 2 * vision.width;
  const parameters = (/** @type {{ width: number, layers: number }} */ { width, layers }) => 12 * width ** 2 * layers;
  return {
    dim: projectionDim,
    parameters: parameters(vision) + parameters(text) + patch + text.vocabSize * text.width,
    macs: blocks(vision, patches + 1) + patch * patches + blocks(text, tokens),
  };
}
