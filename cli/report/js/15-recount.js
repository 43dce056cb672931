// The page's counts, counted again from the records: whoever changes a number in the page is found out.

/** Rows up to which a table of the summary is whole. */
const SUMMARY_ROWS = 100;

class Recount {
  /** `summary` is what the page says: taken from its own data, so of any form. */
  constructor(summary) {
    this.summary = summary;
    this.kinds = new Float64Array(KIND_MAX + 1);
    this.decisions = new Counter(summary?.decisions);
    this.hidden = new Counter(summary?.hidden);
  }

  add(record) {
    this.kinds[record.kind] += 1;
    for (const section of SECTIONS) {
      for (const { name, hidden } of record[section].values()) if (hidden) this.hidden.add(`${section}.${name}`);
    }
    if (record.kind !== PROMOTION) return;
    const decision = record.submitted.get("decision");
    const outcome = decision?.value instanceof Map ? decision.value.get("outcome") : undefined;
    this.decisions.add(decision?.hidden ? "(hidden)" : typeof outcome === "string" ? outcome : "(none)");
  }

  /** The first number that isn't what the records say, or null. */
  problem(table, ends) {
    const { summary } = this;
    const kinds = new Counter(summary?.kinds);
    this.kinds.forEach((count, kind) => kinds.add(kindText(kind), count));
    const differs = (name, said, found) => (said === found ? null : `${name}: the page says ${said}, the records ${found}`);
    return differs("count", summary?.count, table.count)
      ?? differs("first time", summary?.first_ms, ends?.first.timeMs)
      ?? differs("last time", summary?.last_ms, ends?.last.timeMs)
      ?? kinds.problem("kinds") ?? this.decisions.problem("decisions") ?? this.hidden.problem("hidden");
  }
}

/** Counts the values that a table has, and together those that it doesn't: so it never grows. */
class Counter {
  constructor(rows) {
    this.rows = Array.isArray(rows) ? rows : [];
    this.counts = new Map(this.rows.map((row) => [String(row?.value), 0]));
    this.others = 0;
  }

  add(value, count = 1) {
    if (this.counts.has(value)) this.counts.set(value, this.counts.get(value) + count);
    else this.others += count;
  }

  problem(name) {
    for (const { value, count } of this.rows) {
      const found = this.counts.get(value);
      if (found !== count) return `${name}: the page says ${count} of ${value}, the records ${found}`;
    }
    const whole = this.rows.length < SUMMARY_ROWS;
    return whole && this.others > 0 ? `${name}: the records have ${this.others} that the page doesn't list` : null;
  }
}
