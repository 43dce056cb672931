// What the entries of a package were selected by, and what that leaves out: SPEC.md sections 11.2 and 11.7.

/** A filter that may come later has such a name. */
const FILTER_NAME = /^[a-z][a-z0-9_]{0,63}$/;

/** Most entries in the package of an entry, most that it leaves out, and most of these that its manifest lists. */
const ENTRY_PACKAGE_ENTRIES_MAX = 4_096;
const LEFT_OUT_MAX = 65_536;
const LEFT_OUT_LISTED_MAX = 1_000;

/** What entries were selected by; a filter that isn't there is null. `unknown` has those that a later version may know. */
function filtersOf(json, version) {
  demand(json instanceof Map, "filters: expected an object");
  const filters = {
    kind: null, from_ms: null, to_ms: null, subject: null, environment: null, entry: null, unknown: new Map(),
  };
  for (const [name, value] of json) {
    const place = `filters: ${name}`;
    if (name === "kind") {
      const [kind] = Array.from(KIND_NAMES).find(([, known]) => known === value) ?? [];
      demand(kind !== undefined, `${place}: no such kind`);
      filters.kind = kind;
    } else if (name === "from_ms" || name === "to_ms") filters[name] = numberOf(place, value);
    else if (name === "subject") filters.subject = digestOf(place, value);
    else if (name === "environment") filters.environment = textOf(place, value);
    else {
      demand(version >= 2, `filters: unknown member ${JSON.stringify(name)}`);
      if (name === "entry") filters.entry = numberOf(place, value);
      else {
        const form = "1 to 64 of a-z 0-9 _, the first a letter";
        demand(FILTER_NAME.test(name), `filters: expected names of ${form}, got ${JSON.stringify(name)}`);
        demand(value !== null, `${place}: expected a value, got null`);
        filters.unknown.set(name, value);
      }
    }
  }
  demand(filters.entry === null || json.size === 1, "filters: expected entry alone");
  return filters;
}

/** `{count, entries}`: how many entries are named and not here, and the first of them. */
function leftOutOf(json) {
  const { count, entries } = membersOf("left_out", json, ["count", "entries"]);
  demand(numberOf("left_out: count", count) <= LEFT_OUT_MAX, `left_out: count: expected at most ${LEFT_OUT_MAX}, got ${count}`);
  demand(Array.isArray(entries), "left_out: expected an array of entries");
  entries.forEach((index) => numberOf("left_out: entries", index));
  const ascend = entries.every((index, place) => place === 0 || entries[place - 1] < index);
  demand(ascend, "left_out: expected indices of entries, ascending");
  const listed = Math.min(count, LEFT_OUT_LISTED_MAX);
  demand(entries.length === listed, `left_out: expected the first ${listed} of ${count} entries, got ${entries.length}`);
  return { count, entries };
}

/** Most entries that are named in a sentence. */
const LEFT_OUT_SHOWN_MAX = 20;

/** A sentence on what is left out. */
function leftOutText({ count, entries }) {
  if (count === 0) return "nothing that is named here is left out";
  const shown = entries.slice(0, LEFT_OUT_SHOWN_MAX).join(", ") + (count > LEFT_OUT_SHOWN_MAX ? " and more" : "");
  return `${count === 1 ? "1 entry that is named here is" : `${count} entries that are named here are`} left out: ${shown}`;
}

/** What goes with the filter `entry`, and what doesn't. */
function checkSelection({ filters, range, count, leftOut }) {
  const ofEntry = filters.entry !== null;
  const [which, most] = ofEntry ? ["with", ENTRY_PACKAGE_ENTRIES_MAX] : ["without", ENTRIES_MAX];
  demand(count >= 1 && count <= most, `count: expected 1 to ${most} ${which} the filter entry, got ${count}`);
  demand((leftOut !== null) === ofEntry, `left_out: expected ${ofEntry ? "an object" : "null"} ${which} the filter entry`);
  demand(!ofEntry || range === null, "range: expected null with the filter entry");
}

/** Whether entries were selected by what is in them: then nothing shows that the selection left none out. */
const selects = (filters) => filters.kind !== null || filters.subject !== null || filters.environment !== null;

/** Whether a record is one that was asked for, as far as it shows: hidden claims contradict nothing. */
function admits(filters, record) {
  const mayBe = (name, matches) => {
    const claim = record.submitted.get(name);
    return claim !== undefined && (claim.hidden || matches(claim.value));
  };
  const isAbout = (value) => Array.isArray(value) && value.some((subject) => {
    const digest = subject instanceof Map ? subject.get("digest") : undefined;
    return digest instanceof Map && digestsAgree(filters.subject, digest);
  });
  return (filters.kind === null || filters.kind === record.kind)
    && (filters.from_ms === null || record.timeMs >= filters.from_ms)
    && (filters.to_ms === null || record.timeMs < filters.to_ms)
    && (filters.subject === null || mayBe("subject", isAbout))
    && (filters.environment === null || mayBe("environment", (value) => value === filters.environment));
}
