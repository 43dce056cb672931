// Section 2: the verdict, the reader's part in it, and every check.

/**
 * The verdict for people. A key that came with the page proves nothing to them, so what the verifier calls verified is
 * "unconfirmed" until they have compared the key or brought their own.
 */
function verdictFor(result, keyConfirmed) {
  return result.verdict === "verified" && !keyConfirmed ? "unconfirmed" : result.verdict;
}

/** Set for good when the program fails. */
let inTrouble = false;

/** `source` is "page" or "files". */
function showVerdict(verdict, source, facts) {
  if (inTrouble) return;
  const place = byId("verdict");
  const [word, sentence] = VERDICTS[verdict](facts);
  place.dataset.verdict = verdict;
  place.dataset.source = source;
  const lines = [element("p", { class: "verdict-word" }, word), element("p", { class: "verdict-sentence" }, visible(sentence))];
  if (isText(facts.problem)) lines.push(element("p", { class: "verdict-problem" }, said(facts.problem)));
  if (verdict === "unsupported" && !isText(facts.problem)) {
    lines.push(element("p", { class: "verdict-problem" }, `What is missing: ${CANNOT_CHECK}.`));
  }
  if (rowsOf(facts.failed).length > 0) {
    const failed = facts.failed.map(({ name }) => checkWords(name)).join("; ");
    lines.push(element("p", { class: "verdict-problem" }, `Doesn’t hold: ${failed}.`));
  }
  if (facts.unread) lines.push(element("p", { class: "verdict-problem" }, RECORDS_UNREAD));
  for (const sentence of notHereWords(facts.leftOut, facts.names)) {
    lines.push(element("p", { class: "verdict-more" }, sentence));
  }
  const unchecked = uncheckedWords(facts.signatures);
  if (unchecked !== null) {
    const { sentence, command } = unchecked;
    lines.push(element("p", { class: "verdict-more" }, sentence, " ", element("code", {}, command), "."));
  }
  if (verdict !== "working") {
    const what = source === "files" ? "the files that you chose" : "what this page holds";
    const another = facts.another ? ", which are another package than this page’s" : "";
    lines.push(element("p", { class: "aside" }, `Checked: ${what}${another}.`));
  }
  place.replaceChildren(...lines);
}

function showChecks(checks) {
  const count = (status) => checks.filter((check) => check.status === status).length;
  byId("checks-count").textContent = checks.length === 0 ? "Nothing was checked."
    : `Of ${counted(checks.length, "check")}, ${number(count("pass"))} hold, ${number(count("fail"))} fail, and `
      + `${number(count("skip"))} could not be made or were not called for.`;
  byId("checks").replaceChildren(...checks.map(checkRow));
}

function checkRow({ name, status, expected, got, remark }) {
  const remarks = [];
  if (isText(remark)) remarks.push(element("p", {}, said(remark)));
  if (status === "fail") {
    const shown = (value) => said(String(value));
    if (expected !== undefined) remarks.push(element("p", {}, element("b", {}, "expected "), shown(expected)));
    if (got !== undefined) remarks.push(element("p", {}, element("b", {}, "found "), shown(got)));
  } else if (isText(got)) remarks.push(element("p", {}, said(got)));
  return element("tr", { "data-check": name, "data-status": status },
    element("td", { class: "outcome" }, STATUS_WORDS[status]),
    element("th", { scope: "row" }, checkWords(name), " ", element("code", {}, visible(name))),
    element("td", {}, remarks));
}

/** The key of the trust file that was believed, and whose it is. */
function showKey(trust, own) {
  if (trust === null) {
    byId("key").replaceChildren(...fact("Key", "none that can be read"));
    return;
  }
  const { log, witnesses, quorum } = trust;
  const rows = [
    ...fact("Whose", own ? "the key that you gave" : "the key that came with this page"),
    ...fact("Fingerprint (SHA-256 of the verifier key)", grouped(log.fingerprint)),
    ...fact("Verifier key", hash(log.text)),
  ];
  if (witnesses.length > 0) {
    const names = witnesses.map(({ name }) => name).join(", ");
    const demand = quorum === "none" ? "none has to cosign" : `${quorum} has to cosign`;
    const word = own ? "" : " Their keys came with this page too; the fingerprint above doesn’t cover them.";
    rows.push(...fact("Witnesses", said(names), "; ", said(demand), ".", word));
  }
  byId("key").replaceChildren(...rows);
}

/** 64 digits in groups that people can compare, and that are copied as one. */
function grouped(text) {
  const groups = text.match(/.{1,8}/g).map((group) => element("span", { class: "group" }, group));
  return element("code", { class: "fingerprint", id: "fingerprint" }, groups);
}
