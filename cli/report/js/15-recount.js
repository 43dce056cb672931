// The page's counts, counted again from the records: whoever changes a number in the page is found out.
//
// Counted again are entries, kinds, times, decisions, approvals, hidden and absent claims, and the timeline. Tables of the
// most frequent values (models, approvers and so on) and the controls are not; of those tables the form is looked at.

/** Rows that the exporter writes at most: of a table of values, and of tables of decisions and of claims. */
const TOP_ROWS_MAX = 12;
const SUMMARY_ROWS_MAX = 100;

/** Most different values that are counted apart, as in the exporter. */
const VALUES_MAX = 4096;

/** Most bars of the timeline, and how wide they are when it starts; they double until they are few enough. */
const BUCKETS_MAX = 60;
const BUCKET_MS = 1000;

const TOP_TABLES = ["environments", "models", "workloads", "approvers", "policies", "agents"];

/** Reasons that a claim can be absent for. What else a record says there is counted as one. */
const ABSENT_REASONS = ["not_recorded", "not_applicable", "withheld"];
const ANOTHER_REASON = "(another reason)";

class Recount {
  /** `summary` is what the page says: taken from its own data, so of any form. */
  constructor(summary) {
    this.summary = summary;
    this.count = 0;
    this.firstMs = null;
    this.lastMs = null;
    this.kinds = new Float64Array(KIND_MAX + 1);
    /** Of gates' decisions apart from all others: nothing that a submitter says may be counted as the log's word. */
    this.gates = new Counter(summary?.gates);
    this.decisions = new Counter(summary?.decisions);
    this.hidden = new Counter(summary?.hidden);
    this.approval = { by_people: 0, unresolved: 0, absent: 0, hidden: 0, none: 0 };
    /** By full name of a claim and reason. */
    this.absent = new Map();
    this.timeline = new TimelineCount();
  }

  /** `approved`: whether its approvals lead to one that is here and of one of its subjects. */
  add(record, approved) {
    this.count += 1;
    this.firstMs ??= record.timeMs;
    this.lastMs = record.timeMs;
    this.kinds[record.kind] += 1;
    this.timeline.add(record.timeMs, record.kind);
    for (const section of SECTIONS) {
      for (const { name, hidden, value } of record[section].values()) {
        if (hidden) this.hidden.add(`${section}.${name}`);
        else if (!name.startsWith("x-")) this.addAbsences(`${section}.${name}`, value);
      }
    }
    if (record.kind === PROMOTION) this.addPromotion(record, approved);
  }

  /** Absences in a value that is shown: of the claim, or of what is in it. Items of a list have its place. */
  addAbsences(place, value) {
    if (Array.isArray(value)) {
      for (const item of value) this.addAbsences(place, item);
    } else if (value instanceof Map) {
      if (value.has("absent")) this.addAbsent(place, value.get("absent"));
      else for (const [name, inner] of value) this.addAbsences(`${place}.${name}`, inner);
    }
  }

  addAbsent(claim, reason) {
    if (typeof reason !== "string") return;
    if (!this.absent.has(claim)) {
      if (this.absent.size >= VALUES_MAX) return;
      this.absent.set(claim, new Map());
    }
    const reasons = this.absent.get(claim);
    const word = ABSENT_REASONS.includes(reason) ? reason : ANOTHER_REASON;
    reasons.set(word, (reasons.get(word) ?? 0) + 1);
  }

  addPromotion(record, approved) {
    const decision = decisionOf(record);
    const outcome = outcomeOf(decision) ?? "(none)";
    if (decision?.by === BY_GATE) this.gates.add(outcome);
    else this.decisions.add(decision?.by === null ? "(hidden)" : outcome);
    const approvals = record.submitted.get("approvals");
    if (approvals?.hidden) this.approval.hidden += 1;
    else if (isByReference(approvals?.value)) this.approval[approved ? "by_people" : "unresolved"] += 1;
    else if (Array.isArray(approvals?.value) && approvals.value.length > 0) this.approval.by_people += 1;
    else if (approvals?.value instanceof Map && approvals.value.has("absent")) this.approval.absent += 1;
    else this.approval.none += 1;
  }

  /** The first number that isn't what the records say, or null. */
  problem() {
    const found = {
      count: this.count,
      first_ms: this.firstMs ?? 0,
      last_ms: this.lastMs ?? 0,
      kinds: this.kindRows(),
      gates: this.gates.rows(),
      decisions: this.decisions.rows(),
      approval: this.approval,
      hidden: this.hidden.rows(),
      absent: this.absentRows(),
      timeline: this.timeline.asJson(),
    };
    for (const [name, value] of Object.entries(found)) {
      const problem = difference(name, this.summary?.[name], value);
      if (problem !== null) return problem;
    }
    for (const name of TOP_TABLES) {
      if (!isTopTable(this.summary?.[name])) return `${name}: no table of at most ${TOP_ROWS_MAX} different values, by count`;
    }
    return null;
  }

  kindRows() {
    const rows = Array.from(this.kinds, (count, kind) => ({ value: kindText(kind), count }));
    return rows.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
  }

  absentRows() {
    const rows = [];
    for (const [value, reasons] of this.absent) {
      for (const [reason, count] of reasons) rows.push({ value, reason, count });
    }
    rows.sort((a, b) => byBytes(a.value, b.value) || byBytes(a.reason, b.reason));
    return rows.slice(0, SUMMARY_ROWS_MAX);
  }
}

/** Whether a claim has nothing but references. */
function isByReference(value) {
  const items = Array.isArray(value) ? value : [value];
  return items.length > 0 && items.every((item) => item instanceof Map && referenceOf(item) !== null);
}

/** Where what the page says and what was found part, or null. Both are JSON. */
function difference(name, said, found) {
  if (canonical(said) === canonical(found)) return null;
  if (Array.isArray(said) && Array.isArray(found)) {
    for (let place = 0; place < said.length && place < found.length; place += 1) {
      const problem = difference(`${name}, row ${place + 1}`, said[place], found[place]);
      if (problem !== null) return problem;
    }
    return `${name}: the page has ${said.length} rows, the records make ${found.length}`;
  }
  return `${name}: the page says ${JSON.stringify(said)}, the records ${JSON.stringify(found)}`;
}

/** Whether this could be a table of the exporter's: no more rows than it has, no value twice, the largest count first. */
function isTopTable(table) {
  const isCount = (count) => Number.isSafeInteger(count) && count >= 0;
  if (!Array.isArray(table?.top) || table.top.length > TOP_ROWS_MAX || !isCount(table.others)) return false;
  let most = INTEGER_MAX;
  const values = new Set();
  return table.top.every((row) => {
    const holds = typeof row?.value === "string" && !values.has(row.value) && isCount(row.count)
      && row.count >= 1 && row.count <= most;
    values.add(row?.value);
    most = row?.count;
    return holds;
  });
}

/** Counts values. Those in the page's rows are always counted apart, and others up to a bound: so it never grows beyond. */
class Counter {
  constructor(rows) {
    const named = (Array.isArray(rows) ? rows : []).map((row) => row?.value).filter((value) => typeof value === "string");
    this.counts = new Map(named.slice(0, SUMMARY_ROWS_MAX).map((value) => [value, 0]));
  }

  add(value) {
    if (this.counts.has(value)) this.counts.set(value, this.counts.get(value) + 1);
    else if (this.counts.size < VALUES_MAX) this.counts.set(value, 1);
  }

  /** The most frequent first, and those that are as frequent by their bytes. */
  rows() {
    const rows = Array.from(this.counts, ([value, count]) => ({ value, count })).filter(({ count }) => count > 0);
    rows.sort((a, b) => b.count - a.count || byBytes(a.value, b.value));
    return rows.slice(0, SUMMARY_ROWS_MAX);
  }
}

/** How many entries of each kind there are in each bucket of time, as the exporter counts them. Times never decrease. */
class TimelineCount {
  constructor() {
    this.startMs = null;
    this.widthMs = BUCKET_MS;
    /** By number of kind, a count for each bucket. */
    this.kinds = new Map();
    this.length = 0;
  }

  add(timeMs, kind) {
    this.startMs ??= timeMs;
    const bucket = () => Math.floor((timeMs - this.startMs) / this.widthMs);
    while (bucket() >= BUCKETS_MAX) this.double();
    if (!this.kinds.has(kind)) this.kinds.set(kind, new Float64Array(BUCKETS_MAX));
    this.kinds.get(kind)[bucket()] += 1;
    this.length = bucket() + 1;
  }

  double() {
    this.widthMs *= 2;
    for (const counts of this.kinds.values()) {
      for (let bucket = 0; bucket < BUCKETS_MAX; bucket += 1) {
        const pair = 2 * bucket;
        counts[bucket] = pair < BUCKETS_MAX ? counts[pair] + counts[pair + 1] : 0;
      }
    }
  }

  asJson() {
    const kinds = [...this.kinds].sort(([a], [b]) => a - b);
    const rows = kinds.map(([kind, counts]) => ({ value: kindText(kind), counts: Array.from(counts.subarray(0, this.length)) }));
    return { start_ms: this.startMs ?? 0, width_ms: this.widthMs, rows };
  }
}
