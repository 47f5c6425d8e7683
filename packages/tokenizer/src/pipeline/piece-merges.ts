/**
 * The merges of a SentencePiece byte-pair model, which stores pieces only: every way to make a piece of two
 * others, in order of the pieces, and of one piece the shorter left half first (transformers'
 * `generate_merges`).
 */
export function mergesOfPieces(order: ReadonlyMap<string, number>): (readonly [left: string, right: string])[] {
  const merges: (readonly [left: string, right: string])[] = [];
  for (const piece of order.keys()) {
    let left = "";
    const halves: (readonly [string, string])[] = [];
    for (const character of piece) {
      if (left !== "") {
        const right = piece.slice(left.length);
        if (order.has(left) && order.has(right)) halves.push([left, right]);
      }
      left += character;
    }
    merges.push(...halves);
  }
  return merges;
}
