// The tree's proofs: the multi-proof of SPEC.md section 11.3, and consistency by RFC 9162, section 2.1.4.2. Sizes go up to
// 2^53-1, beyond what bit operations of JavaScript reach.

/** The largest power of two below `length`, which is at least 2. */
function split(length) {
  let power = 1;
  while (power * 2 < length) power *= 2;
  return power;
}

/**
 * Recomputes a root while leaves come in from the left. It holds one path of the tree, however many leaves there are:
 * `waiting` is the subtrees whose left half is known or under way, `start` and `end` what comes next.
 */
class MultiproofWalk {
  /** `nextNode` gives the proof's next node, or null where there is none. */
  constructor(size, nextNode) {
    this.size = size;
    this.nextNode = nextNode;
    this.waiting = [];
    [this.start, this.end] = [0, size];
    this.root = null;
    this.problem = size > 0 ? null : "there is no leaf in a tree of 0 entries";
    this.leaves = 0;
  }

  /** Takes in the next leaf. Indices ascend strictly: that is the records' affair. */
  leaf(index, hash) {
    if (this.problem !== null) return;
    if (index >= this.size) {
      this.problem = `expected an index below the tree size ${this.size}, got ${index}`;
      return;
    }
    this.leaves += 1;
    while (this.problem === null) {
      if (index >= this.end) this.node();
      else if (this.end - this.start === 1) {
        this.complete(hash);
        return;
      } else {
        const middle = this.start + split(this.end - this.start);
        this.waiting.push({ middle, end: this.end, left: null });
        this.end = middle;
      }
    }
  }

  /** After the last leaf: the root in hex, or null and a problem. */
  finish() {
    if (this.problem === null && this.leaves === 0) this.problem = "expected at least one leaf";
    while (this.problem === null && this.root === null) this.node();
    if (this.problem === null && this.nextNode() !== null) this.problem = "nodes are left over";
    return this.problem === null ? hex(this.root) : null;
  }

  node() {
    const hash = this.nextNode();
    if (hash === null) this.problem = `the node over leaves ${this.start} to ${this.end} is missing`;
    else this.complete(hash);
  }

  /** The subtree that came next is known. */
  complete(hash) {
    let known = hash;
    for (;;) {
      const parent = this.waiting.at(-1);
      if (parent === undefined) {
        this.root = known;
        return;
      }
      if (parent.left === null) {
        parent.left = known;
        [this.start, this.end] = [parent.middle, parent.end];
        return;
      }
      known = nodeHash(parent.left, known);
      this.waiting.pop();
    }
  }
}

/** Null where the tree of `next` entries extends that of `old`, otherwise what is wrong. Roots are in hex. */
function consistencyProblem(old, next, oldRoot, nextRoot, proof) {
  if (old === 0 || old > next) return `sizes: the old one must be from 1 to the new, got ${old} and ${next}`;
  if (old === next) {
    if (proof.length > 0) return `expected no hashes, got ${proof.length}`;
    return oldRoot === nextRoot ? null : `root: expected ${nextRoot}, got ${oldRoot}`;
  }
  const hashes = [...proof];
  // Levels in which the old tree's last node is a right one: below them nothing changes.
  let [node, last] = [BigInt(old - 1), BigInt(next - 1)];
  while (node & 1n) [node, last] = [node >> 1n, last >> 1n];
  const missing = "the proof has too few hashes";
  // A perfect old tree is one subtree, whose hash is known: the old root.
  const start = node === 0n ? fromHex(oldRoot) : hashes.shift();
  if (start === undefined) return missing;
  let [fromOld, fromNext] = [start, start];
  for (const sibling of hashes) {
    if (last === 0n) return "the proof has too many hashes";
    if (node & 1n || node === last) {
      fromOld = nodeHash(sibling, fromOld);
      fromNext = nodeHash(sibling, fromNext);
      while (!(node & 1n) && node !== 0n) [node, last] = [node >> 1n, last >> 1n];
    } else fromNext = nodeHash(fromNext, sibling);
    [node, last] = [node >> 1n, last >> 1n];
  }
  if (last !== 0n) return missing;
  if (hex(fromOld) !== oldRoot) return `old root: expected ${oldRoot}, got ${hex(fromOld)}`;
  return hex(fromNext) === nextRoot ? null : `root: expected ${nextRoot}, got ${hex(fromNext)}`;
}
