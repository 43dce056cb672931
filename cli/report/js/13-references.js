// What entries refer to, looked up among the records before them: SPEC.md sections 4.3 and 11.7.

/** Claims that may refer to entries, and the kind of those. */
const REFERRING = [["approvals", APPROVAL], ["generations", 1], ["scans", 2], ["withdraws", APPROVAL]];

const APPROVALS = "approvals";

/** Most bytes of an algorithm's name, and of a digest, that subjects are compared by: no digest is longer. */
const DIGEST_BYTES_MAX = 64;

/** How many records a reference is looked up in: the last ones before it. As many digests of approvals are kept. */
const REFERRED_BACK_MAX = 2 ** 20;

/** Most pairs of digests that are compared for one record's approvals. What is beyond is not resolved. */
const PAIRS_MAX = 2 ** 16;

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
    /** By index of an approval, digests of its subjects; null where they are hidden. The last ones. */
    this.approved = new Map();
    this.weight = 0;
  }

  /** Takes in the next record. Gives whether its approvals lead to one that is here and of one of its subjects. */
  add(index, record) {
    let [approved, pairsLeft, subjects] = [false, PAIRS_MAX, undefined];
    const isOfOneSubject = (those) => {
      if (subjects === undefined) subjects = subjectsOf(record);
      if (subjects === null || those === null || subjects.length * those.length > pairsLeft) return false;
      pairsLeft -= subjects.length * those.length;
      return subjects.some((digest) => those.some((other) => digestsAgree(digest, other)));
    };
    for (const [claim, kind] of REFERRING) {
      const value = record.submitted.get(claim)?.value;
      for (const item of Array.isArray(value) ? value : [value]) {
        const to = item instanceof Map ? referenceOf(item) : null;
        const resolved = to !== null && this.judge(claim, kind, index, to);
        approved ||= resolved && claim === APPROVALS && isOfOneSubject(this.approved.get(to.index) ?? null);
      }
    }
    if (this.count === this.room && this.room < REFERRED_BACK_MAX) this.grow(2 * this.room);
    const place = this.count % this.room;
    this.indices[place] = index;
    this.kinds[place] = record.kind;
    this.hashes.set(record.leafHash, 32 * place);
    this.count += 1;
    if (record.kind === APPROVAL) this.keepSubjects(index, subjectsOf(record));
    return approved;
  }

  keepSubjects(index, subjects) {
    this.approved.set(index, subjects);
    this.weight += weightOf(subjects);
    for (const [first, others] of this.approved) {
      if (this.weight <= REFERRED_BACK_MAX) break;
      this.approved.delete(first);
      this.weight -= weightOf(others);
    }
  }

  /** Counts a reference. Gives whether it is resolved. */
  judge(claim, kind, index, to) {
    if (typeof to.origin === "string" && to.origin !== this.origin) {
      this.elsewhere += 1;
      return false;
    }
    const wrong = (fault) => {
      this.wrong ??= `${claim} of entry ${index}: entry ${to.index} ${fault}`;
      return false;
    };
    if (to.index >= index) return wrong("does not come before it");
    const place = this.find(to.index);
    if (place === null) {
      this.unresolved += 1;
      return false;
    }
    if (!sameBytes(this.hashes.subarray(32 * place, 32 * place + 32), to.leafHash)) return wrong("has another leaf hash");
    if (this.kinds[place] !== kind) return wrong(`is of kind ${kindText(this.kinds[place])}`);
    this.resolved += 1;
    return true;
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

/** Digests of a record's subjects: the members of each that can be one. Null where the claim is hidden. */
function subjectsOf(record) {
  const subject = record.submitted.get("subject");
  if (subject?.hidden) return null;
  const digests = (Array.isArray(subject?.value) ? subject.value : [])
    .map((item) => (item instanceof Map ? item.get("digest") : null))
    .filter((digest) => digest instanceof Map);
  const fits = ([algorithm, value]) => encoder.encode(algorithm).length <= DIGEST_BYTES_MAX
    && value instanceof Uint8Array && value.length <= DIGEST_BYTES_MAX;
  // Copies: what was read is a part of its whole batch.
  return digests.map((digest) => new Map(Array.from(digest).filter(fits).map(([name, value]) => [name, value.slice()])));
}

function weightOf(subjects) {
  return (subjects ?? []).reduce((sum, digest) => sum + digest.size + 1, 1);
}
