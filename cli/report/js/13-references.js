// What entries refer to, looked up among the records before them: SPEC.md sections 4.3 and 11.7.

/** Claims that may refer to entries, and the kind of those. */
const REFERRING = [["approvals", 3], ["generations", 1], ["scans", 2]];

/** How many records a reference is looked up in: the last ones before it. */
const REFERRED_BACK_MAX = 2 ** 20;

class References {
  constructor(origin) {
    this.origin = origin;
    this.resolved = 0;
    this.unresolved = 0;
    this.elsewhere = 0;
    this.wrong = null;
    /** The last records, the one that came as number n at place n modulo the room. */
    this.count = 0;
    this.room = 0;
    this.grow(1024);
  }

  /** Takes in the next record. */
  add(index, record) {
    for (const [claim, kind] of REFERRING) {
      const value = record.submitted.get(claim)?.value;
      for (const item of Array.isArray(value) ? value : [value]) {
        const to = item instanceof Map ? referenceOf(item) : null;
        if (to !== null) this.judge(claim, kind, index, to);
      }
    }
    if (this.count === this.room && this.room < REFERRED_BACK_MAX) this.grow(2 * this.room);
    const place = this.count % this.room;
    this.indices[place] = index;
    this.kinds[place] = record.kind;
    this.hashes.set(record.leafHash, 32 * place);
    this.count += 1;
  }

  judge(claim, kind, index, to) {
    if (typeof to.origin === "string" && to.origin !== this.origin) {
      this.elsewhere += 1;
      return;
    }
    const wrong = (fault) => { this.wrong ??= `${claim} of entry ${index}: entry ${to.index} ${fault}`; };
    if (to.index >= index) return wrong("does not come before it");
    const place = this.find(to.index);
    if (place === null) this.unresolved += 1;
    else if (!sameBytes(this.hashes.subarray(32 * place, 32 * place + 32), to.leafHash)) return wrong("has another leaf hash");
    else if (this.kinds[place] !== kind) return wrong(`is of kind ${kindText(this.kinds[place])}`);
    else this.resolved += 1;
  }

  /** The place of the record of an index, or null where it isn't among the last ones. */
  find(index) {
    let [low, high] = [Math.max(0, this.count - this.room), this.count];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.indices[middle % this.room] < index) low = middle + 1;
      else high = middle;
    }
    return low < this.count && this.indices[low % this.room] === index ? low % this.room : null;
  }

  grow(room) {
    const grown = { indices: new Float64Array(room), kinds: new Uint8Array(room), hashes: new Uint8Array(32 * room) };
    if (this.room > 0) for (const [name, array] of Object.entries(grown)) array.set(this[name]);
    Object.assign(this, grown, { room });
  }

  check() {
    const name = "references";
    if (this.wrong !== null) {
      return compared(name, "earlier entries, with their leaf hash, of the kind that the claim is about", this.wrong, false);
    }
    const parts = [`${this.resolved} resolved`];
    if (this.unresolved > 0) parts.push(`${this.unresolved} not resolved: to entries that are not in this package`);
    if (this.elsewhere > 0) parts.push(`${this.elsewhere} not resolved: into other logs`);
    const passes = passed(name, parts.join(", "));
    return this.resolved > 0 ? passes : { ...passes, status: "skip" };
  }
}

/** `{index, leafHash, origin}`, or null where a map is no reference. */
function referenceOf(map) {
  const [index, leafHash] = [map.get("index"), map.get("leaf_hash")];
  const is = typeof index === "number" && index >= 0 && leafHash instanceof Uint8Array && leafHash.length === 32;
  return is ? { index, leafHash, origin: map.get("origin") } : null;
}
