// Sections 3 and 5: what the entries say, counted, and what they don't say.

/** Tables of values, each with the term explained in place. */
const VALUE_TABLES = [
  ["environments", "Environments", "Where changes went, or were to go.", "Environment"],
  ["models", "Models", "AI models that had a part in the changes: provider, name and version, as the submitter named them.",
    "Model"],
  ["agents", "Agents", "Programs that drove a model and worked with what it wrote.", "Agent"],
  ["workloads", "Workloads", "Who submitted, as the log recorded it: how it "
    + "verified that, and the pipeline or service. Where it says “none”, the log verified nothing.", "Workload"],
  ["approvers", "Approvers", "Who approved, as the submitter named them. Approvals that only refer to another entry are not "
    + "counted here.", "Approver"],
  ["policies", "Policies", "The organisation’s rules that decisions were made by, with their versions.", "Policy"],
];

const DECISION_WORDS = {
  allow: "allowed", deny: "refused", observed: "observed only: recorded, and not decided",
  "(hidden)": "not disclosed in this package", "(none)": "no outcome given",
};

/** What stands for decisions that nobody says anything of here. */
const UNDECIDED = ["(hidden)", "(none)"];

const APPROVAL_WORDS = [
  ["by_people", "with at least one approval: stated in it, or in an entry of this package that it refers to, of the same "
    + "subject"],
  ["unresolved", "with references only, none of which leads to an approval of the same subject in this package"],
  ["absent", "with the statement that there is no approval, and why"],
  ["hidden", "with approvals that are hidden in this package"],
  ["none", "without any approval"],
];

function showSummary(page) {
  const summary = objectOf(page.summary);
  const kinds = rowsOf(summary.kinds);
  const sentences = [
    `There are ${counted(summary.count, "entry", "entries")} in this package, taken into the log from `
      + `${timeText(summary.first_ms)} to ${timeText(summary.last_ms)}. The log’s own clock says so.`,
    decisionSentence(rowsOf(summary.gates), rowsOf(summary.decisions)),
  ];
  const body = [
    ...sentences.filter((sentence) => sentence !== null).map((sentence) => element("p", {}, sentence)),
    element("p", { class: "aside" }, "This page counts the entries, their kinds, times, decisions and approvals, and the "
      + "claims that are absent or hidden, again when it checks itself (check “summary”). Of what it doesn’t count again, it "
      + "says so."),
  ];
  body.push(table("Kinds of entries", [{ title: "Kind" }, { title: "What it states" }, { title: "Entries", number: true }],
    kinds.map(({ value, count }) => [said(String(value)), kindMeaning(page, value), number(count)])));
  body.push(...promotionTables(summary));
  const tables = VALUE_TABLES.map(([name, title, meaning, column]) => valueTable(objectOf(summary[name]), title, meaning, column));
  body.push(element("div", { class: "tables" }, tables.filter((made) => made !== null)));
  byId("plain-body").replaceChildren(...body);
}

function kindMeaning(page, name) {
  const means = rowsOf(page.kinds).find((kind) => kind.name === name)?.means;
  return isText(means) ? said(means) : "a kind that this version has no name for";
}

/** Outcomes that gates of the log decided, and then what others claim, hide or leave out: each with whose word it is. */
function decisionSentence(gates, decisions) {
  if (gates.length + decisions.length === 0) {
    return "None of them is a promotion, which is the entry that says that a change went to an environment or was refused.";
  }
  const total = [...gates, ...decisions].reduce((sum, { count }) => sum + (Number.isFinite(count) ? count : 0), 0);
  const parts = [
    ...gates.map(({ value, count }) => `${number(count)} ${decisionWord(value)} by the log’s own gate`),
    ...decisions.map(({ value, count }) =>
      `${number(count)} ${decisionWord(value)}${UNDECIDED.includes(value) ? "" : ", says the submitter"}`),
  ];
  return `${counted(total, "entry is a promotion", "entries are promotions")}, each a change that was to go to an `
    + `environment: ${parts.join("; ")}.`;
}

function decisionWord(value) {
  // Any other word is the submitter's. It is quoted, and in a sentence unseen characters are question marks.
  const shown = String(value).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
  return wordFor(DECISION_WORDS, value, `“${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}”`);
}

function promotionTables(summary) {
  const [gates, decisions] = [rowsOf(summary.gates), rowsOf(summary.decisions)];
  if (gates.length + decisions.length === 0) return [];
  const approval = objectOf(summary.approval);
  const row = (by) => ({ value, count }) => [wordFor(DECISION_WORDS, value, null) ?? said(String(value)),
    wordFor(DECIDED_BY_WORDS, UNDECIDED.includes(value) ? null : by, "nobody here"), number(count)];
  return [element("div", { class: "tables" },
    table("Decisions about promotions",
      [{ title: "Outcome" }, { title: "Who says so" }, { title: "Promotions", number: true }],
      [...gates.map(row(BY_GATE)), ...decisions.map(row(BY_SUBMITTER))]),
    table("Approvals of promotions", [{ title: "Promotions" }, { title: "Number", number: true }],
      APPROVAL_WORDS.map(([name, words]) => [words, number(approval[name] ?? 0)])))];
}

function valueTable({ top, others }, title, meaning, column) {
  const rows = rowsOf(top).slice(0, TOP_ROWS_MAX).map(({ value, count }) => [said(String(value)), number(count)]);
  if (rows.length === 0) return null;
  if (others > 0) rows.push([element("i", {}, "all others together"), number(others)]);
  return element("div", {}, element("h3", {}, title), element("p", { class: "aside" }, meaning, " ", NOT_RECOUNTED),
    table(`${title}, by number of mentions`, [{ title: column }, { title: "Mentions", number: true }], rows, true));
}

function showGaps(page, manifest) {
  const summary = objectOf(page.summary);
  const [absent, hidden] = [rowsOf(summary.absent), rowsOf(summary.hidden)];
  const body = [];
  if (absent.length > 0) {
    body.push(table("Claims, and values in claims, recorded as absent, by the reason that the submitter gave",
      [{ title: "Claim" }, { title: "Reason" }, { title: "Times", number: true }],
      absent.map(({ value, reason, count }) => [claimName(value), said(absentWords(String(reason))), number(count)])));
  }
  const shown = hidden.length > 0 ? " that is shown here" : "";
  if (absent.length === 0) body.push(element("p", {}, `No claim${shown}, and no value in one, was recorded as absent.`));
  if (hidden.length > 0) body.push(element("p", {}, "What is hidden may be absent, too: nothing here tells."));
  if (hidden.length > 0) {
    body.push(table("Claims that are hidden: only their hashes are here",
      [{ title: "Claim" }, { title: "Reason" }, { title: "Entries", number: true }],
      hidden.map(({ value, count }) => [claimName(value), hiddenReason(manifest?.redaction, value), number(count)])));
  } else body.push(element("p", {}, "No claim is hidden."));
  byId("gaps-body").replaceChildren(...body);
}

const claimName = (name) => element("code", {}, said(String(name)));

/** Who hid a claim, as far as the manifest tells. */
function hiddenReason(redaction, claim) {
  const before = "hidden or erased before this package was made";
  switch (redaction?.rule) {
    case "hide":
      return redaction.claims.has(claim) ? "hidden by the maker, who lists what is hidden" : before;
    case "keep":
      return redaction.claims.has(claim) ? before : "hidden by the maker, who lists what is kept";
    case "profile":
      return ["hidden by the maker’s rule ", said(redaction.profile), `, or ${before}`];
    default:
      return before;
  }
}
