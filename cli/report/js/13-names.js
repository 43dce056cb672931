// The package of an entry: whether each of its records is named by one behind it, and what is named and not here. SPEC.md
// section 11.8.

/** A kind of entries of which each part names the one right before it. */
const TRUST = 6;

/** What the records of a package name. What an entry names stands before it, so that it is known at once whether it is here. */
class Names {
  /** `origin` is the log's name. */
  constructor(origin) {
    this.origin = origin;
    this.last = null;
    /** Indices of the records, and of those that none behind them has named yet. */
    this.here = new Set();
    this.unnamed = new Set();
    /** Indices that are named, of entries that are not here. */
    this.missing = new Set();
    /** Whether a claim is hidden that could name an entry. */
    this.hidden = false;
    /** What there is more of than there can be; nothing is gathered any more then. */
    this.excess = null;
  }

  add(index, record) {
    if (this.here.size === ENTRY_PACKAGE_ENTRIES_MAX) this.excess ??= `more than ${ENTRY_PACKAGE_ENTRIES_MAX} entries`;
    if (this.excess !== null) return;
    for (const section of SECTIONS) {
      for (const { name, hidden, value } of record[section].values()) {
        if (name.startsWith("x-")) continue;
        if (hidden) this.hidden = true;
        else this.addNamed(index, value);
      }
    }
    const part = record.kind === TRUST ? memberOf(record.submitted.get("trust"), "part") : undefined;
    if (typeof part === "number" && part > 1 && index > 0) this.name(index - 1);
    this.here.add(index);
    this.unnamed.add(index);
    this.last = index;
  }

  /** What a value of the entry at `index` names, at any depth. */
  addNamed(index, value) {
    if (Array.isArray(value)) {
      for (const item of value) this.addNamed(index, item);
    } else if (value instanceof Map) {
      const to = referenceOf(value);
      const elsewhere = to !== null && typeof to.origin === "string" && to.origin !== this.origin;
      if (to !== null && !elsewhere && to.index < index) this.name(to.index);
      for (const member of value.values()) this.addNamed(index, member);
    }
  }

  name(index) {
    if (this.here.has(index)) this.unnamed.delete(index);
    else if (this.missing.size < LEFT_OUT_MAX) this.missing.add(index);
    else if (!this.missing.has(index)) this.excess ??= `more than ${LEFT_OUT_MAX} entries that are named and not here`;
  }

  /** Why these records are not the package of this entry that leaves this out, or null. */
  problem(entry, leftOut) {
    if (this.excess !== null) return this.excess;
    if (this.last !== entry) return `entry ${this.last} as the last`;
    const [alone] = this.unnamed;
    if (alone !== entry) return `entry ${alone}, which no entry behind it names`;
    const missing = Array.from(this.missing).sort((a, b) => a - b);
    const found = { count: missing.length, entries: missing.slice(0, LEFT_OUT_LISTED_MAX) };
    return canonical(found) === canonical(leftOut) ? null : leftOutText(found);
  }
}
