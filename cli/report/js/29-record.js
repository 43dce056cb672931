// A record as a card: the story of a promotion, or what an entry of another kind says.

/** Rows of a story: a title, the claims of which the first that is there is shown, and how. */
const STORY = [
  ["Subject", [["submitted", "subject"]], (value) => itemList(value, subjectNode)],
  ["Model", [["submitted", "model"]], (value) => itemList(value, (item) => membersNode(item, ["provider", "name", "version"]))],
  ["Prompt hash", [["submitted", "prompt_hash"]], (value) => itemList(value, digestNode)],
  ["Agent", [["submitted", "agent"]], (value) => itemList(value, (item) => membersNode(item, ["name", "version"]))],
  ["Submitted by", [["attested", "workload"]], workloadNode],
  ["Approvals", [["submitted", "approvals"], ["submitted", "approval"]],
    (value, entries) => itemList(value, (item) => approvalNode(item, entries))],
  ["Policy", [["submitted", "policy"]], policyNode],
  ["Environment", [["submitted", "environment"]], () => null],
];

/** Rows that are only shown where the record has such a claim. */
const OTHER_ROWS = [
  ["Type", [["submitted", "type"]], () => null],
  ["Scan", [["submitted", "scan"]], scanNode],
  ["Human involvement", [["submitted", "human_involvement"]], (value) => membersNode(value, ["level"])],
  ["Intent", [["submitted", "intent"]], (value) => membersNode(value, ["purpose", "ticket"])],
];

/** `entries` are those that its approvals refer to and that are here. */
function recordCard(index, record, entries) {
  const isPromotion = record.kind === PROMOTION;
  const rows = [...STORY, ...OTHER_ROWS].flatMap(([title, claims, show], place) => {
    const claim = claims.map(([section, name]) => record[section].get(name)).find((found) => found !== undefined);
    const always = isPromotion && place < STORY.length;
    return claim === undefined && !always ? [] : fact(title, claimNode(claim, (value) => show(value, entries)));
  });
  const outcome = isPromotion || decisionOf(record) !== null ? fact("Outcome", decisionNode(record)) : [];
  return element("article", { class: "record", "data-index": String(index), tabindex: "-1", "aria-label": `Entry ${index}` },
    element("header", {},
      element("h3", {}, `Entry ${number(index)}`),
      element("p", { class: "kind" }, KIND_NAMES.has(record.kind) ? kindText(record.kind) : `kind ${record.kind}`),
      isPromotion ? element("p", { class: "headline" }, headline(record)) : null),
    element("dl", { class: "facts" }, rows, outcome,
      fact("Taken into the log", time(record.timeMs)), fact("Leaf hash", hash(hex(record.leafHash)))),
    opening("All claims", () => allClaims(record)));
}

/** `Allowed by the log’s gate · production`, or `Allowed, says the submitter`: never one as if it were the other. */
function headline(record) {
  const decision = decisionOf(record);
  const outcome = outcomeOf(decision);
  const environment = record.submitted.get("environment");
  const word = wordFor(OUTCOME_WORDS, outcome, decision?.by === null ? "decision not disclosed" : "promotion");
  const isKnown = outcome !== null && Object.hasOwn(OUTCOME_WORDS, outcome);
  const by = !isKnown ? "" : decision.by === BY_GATE ? " by the log’s gate" : ", says the submitter";
  const where = isText(environment?.value) && environment.value.length <= 60 ? [" · ", said(environment.value)] : [];
  // The colour of an outcome is for the log's word alone.
  const status = isKnown && decision.by === BY_GATE ? outcome : "";
  return [element("span", { class: "outcome-word", "data-status": status }, word), by, where];
}

/** What decides, why, and by whose word. */
function decisionNode(record) {
  const decision = decisionOf(record);
  if (decision?.by === null) return notDisclosedNode(decision.claim);
  if (decision?.by === BY_GATE) return outcomeNode(decision, decision.claim.value);
  return claimNode(decision?.claim, (value) => outcomeNode(decision, value));
}

/** A gate that is shown and isn't disclosed is none that can be read; whatever was submitted beside it decides nothing. */
function notDisclosedNode(claim) {
  return claim.hidden ? claimNode(claim, () => null)
    : element("span", { class: "gap" }, "not disclosed: what the log attests as its gate’s decision can’t be read as one");
}

function outcomeNode({ by }, value) {
  const outcome = isMap(value) ? value.get("outcome") : undefined;
  if (outcome === undefined) return null;
  const [reasons, expiresMs] = [value.get("reasons"), value.get("expires_at_ms")];
  const hasReasons = Array.isArray(reasons) && reasons.length > 0;
  const line = (...words) => element("span", { class: "line" }, ...words);
  const ofGate = by !== BY_GATE ? [] : [
    value.get("override") === true ? line("with approvals that override the policy, which would have denied it") : null,
    expiresMs === undefined ? null : line("lets nothing through any more after ", time(expiresMs)),
  ];
  return element("span", {}, wordFor(OUTCOME_WORDS, outcome, null) ?? valueNode(outcome),
    hasReasons ? line("because: ", itemList(reasons, () => null)) : null, ofGate,
    element("span", { class: "line aside" }, DECIDED_BY_WORDS[by]));
}

function scanNode(value) {
  if (!isMap(value)) return null;
  const target = value.get("target");
  return element("span", {}, membersNode(value.get("tool"), ["name", "version"]), ": ", membersNode(value, ["verdict"]),
    target === undefined ? null : digestLine(target));
}

const STANDING_WORDS = {
  submitted: "submitted: the submitter says so, and the log didn’t check it",
  attested: "attested: recorded by the log itself; what it verified, it names here, and under the method “none” it verified "
    + "nothing",
};

function allClaims(record) {
  return element("div", {}, SECTIONS.map((section) => {
    const claims = [...record[section].values()];
    return element("div", { class: "claims" }, element("p", { class: "aside" }, STANDING_WORDS[section]),
      claims.length === 0 ? element("p", {}, "No claims.")
        : element("dl", { class: "facts" }, claims.map((claim) => fact(element("code", {}, claim.name), fullClaim(claim)))));
  }));
}

function fullClaim(claim) {
  if (claim.hidden) return claimNode(claim, () => null);
  const named = claim.name.startsWith("x-");
  return !named && isAbsent(claim.value) ? absentNode(claim.value) : valueNode(claim.value, claim.name);
}
