// Section 6: for each framework's controls, what of this package is evidence, and for what.

const EVIDENCE_WORDS = { present: "present", partial: "partial", none: "none" };

function showControls(page, manifest) {
  const frameworks = rowsOf(page.controls);
  const selected = manifest?.range ? null : element("p", { class: "notice", id: "controls-selected" },
    "The entries of this package were selected, and no range of the log is claimed to be complete. What is said of “every” "
      + "entry is said of the selected ones alone: others, which are not here, may not fit.");
  byId("controls-body").replaceChildren(...(frameworks.length === 0
    ? [element("p", {}, "The maker of this package compared it with no framework.")]
    : [selected, ...frameworks.map(frameworkPart)].filter((part) => part !== null)));
}

function frameworkPart({ name, edition, source, url, note, controls }) {
  const head = [
    element("h3", {}, said(textOr(name, "?"))),
    element("p", { class: "aside" }, "Edition: ", said(textOr(edition, "?")), ". Source: ", said(textOr(source, "?")),
      isText(url) ? [", at ", outwardLink(url)] : null, "."),
  ];
  if (isText(note)) head.push(element("p", { class: "aside" }, said(note)));
  const rows = rowsOf(controls);
  const count = (status) => rows.filter((row) => row.status === status).length;
  head.push(element("p", {}, `Of ${counted(rows.length, "control")}: evidence is present for ${count("present")}, partial for `
    + `${count("partial")}, and there is none for ${count("none")}.`));
  return element("div", { class: "framework" }, head, element("div", { class: "scroll" },
    element("table", { class: "controls" },
      element("caption", { class: "unseen-caption" }, `Controls of ${textOr(name, "?")}`),
      element("thead", {}, element("tr", {}, ["Control", "Evidence here", "What it supports, and by what"].map((title) =>
        element("th", { scope: "col" }, title)))),
      element("tbody", {}, rows.map(controlRow)))));
}

function controlRow({ id, title, official, status, supports, findings }) {
  const others = (Array.isArray(official) ? official : []).filter(isText);
  return element("tr", {},
    element("th", { scope: "row" }, element("span", { class: "control-id" }, said(textOr(id, "?"))), " ", said(textOr(title, "")),
      others.length > 0 ? element("p", { class: "aside" }, "Related: ", said(others.join(", "))) : null),
    element("td", { class: "evidence", "data-status": textOr(status, "none") }, wordFor(EVIDENCE_WORDS, status, "?")),
    element("td", {}, element("p", {}, said(textOr(supports, ""))), rowsOf(findings).map(findingPart)));
}

function findingPart({ looks_for: looksFor, every, status, met, unmet, undisclosed, unresolved }) {
  const tallies = [
    [every === true ? "match, as every one should" : "match", objectOf(met)],
    [every === true ? "should and don’t" : "don’t", objectOf(unmet)],
    ["can’t be told, as claims are hidden", objectOf(undisclosed)],
    ["can’t be told, as entries that they refer to are not in this package", objectOf(unresolved)],
  ].filter(([, tally]) => tally.count > 0);
  return element("div", { class: "finding" },
    element("p", {}, element("b", {}, wordFor(EVIDENCE_WORDS, status, "?")), ": ", said(textOr(looksFor, ""))),
    tallies.map(([words, tally]) => opening(`${counted(tally.count, "entry", "entries")} ${words}`, () => entryList(tally))));
}

/** Numbers that lead to their entries. */
function entryList({ count, indices }) {
  const known = (Array.isArray(indices) ? indices : []).filter((index) => Number.isSafeInteger(index) && index >= 0).slice(0, 100);
  const more = count > known.length ? ` … the first ${number(known.length)} of ${number(count)} are listed` : "";
  return element("p", { class: "entries" }, known.map((index) => [entryButton(index, number(index)), " "]), more);
}

/** Leads to an entry in section 7. */
function entryButton(index, text) {
  return element("button", { type: "button", class: "entry", "data-entry": String(index) }, text);
}
