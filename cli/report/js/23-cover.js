// Section 1: what the package says of itself.

/** The page's own package. */
function showCover(manifest, page, problem) {
  byId("another").hidden = true;
  for (const part of document.querySelectorAll(".own")) part.hidden = false;
  document.title = OWN_TITLE;
  if (manifest === null) {
    byId("title").textContent = "Evidence package";
    byId("lead").textContent = `This page’s statement can’t be read: ${problem}`;
    byId("about").replaceChildren();
    return;
  }
  const summary = objectOf(page.summary);
  byId("title").replaceChildren("Evidence from ", said(manifest.origin));
  byId("lead").textContent = leadText(manifest, summary);
  byId("about").replaceChildren(
    ...fact("Log", said(manifest.origin)),
    ...fact("Entries", entriesText(manifest)),
    ...fact("Period", `${timeText(summary.first_ms)} to ${timeText(summary.last_ms)}`),
    ...fact("Size of the log then", counted(manifest.checkpoint.size, "entry", "entries")),
    ...fact("Made", timeText(manifest.createdMs), " with ", said(manifest.tool), ", by its maker’s clock"),
    ...fact("Selected by", ...filterWords(manifest.filters)),
    ...leftOutFact(manifest),
    ...fact("Completeness", completenessText(manifest)),
    ...fact("Hidden on purpose", ...redactionWords(manifest.redaction)),
    ...fact("Earlier checkpoint", earlierText(manifest)),
  );
}

/** The page's title, before anything is shown. */
const OWN_TITLE = document.title;

/** Files of another package than the page's: what their manifest says, and nothing that the page does. */
function showAnotherCover(manifest) {
  byId("another").hidden = false;
  for (const part of document.querySelectorAll(".own")) part.hidden = true;
  document.title = "Another package’s files";
  byId("title").textContent = "Files of another package";
  byId("about").replaceChildren(...(manifest === null ? fact("What they say", "nothing that can be read") : [
    ...fact("Log", said(manifest.origin)),
    ...fact("Entries", entriesText(manifest)),
    ...fact("Size of the log then", counted(manifest.checkpoint.size, "entry", "entries")),
    ...fact("Selected by", ...filterWords(manifest.filters)),
    ...leftOutFact(manifest),
    ...fact("Completeness", completenessText(manifest)),
    ...fact("Hidden on purpose", ...redactionWords(manifest.redaction)),
    ...fact("Earlier checkpoint", earlierText(manifest)),
  ]));
}

/** Of the package of an entry, what it says that it leaves out. */
const leftOutFact = ({ leftOut }) => (leftOut === null ? [] : fact("Left out", `${leftOutText(leftOut)}.`));

const earlierText = ({ previous }) => (previous === null ? "none is given"
  : `one of ${counted(previous.size, "entry", "entries")}, which this one has to extend`);

function leadText(manifest, summary) {
  const promotions = rowsOf(summary.kinds).find((row) => row.value === KIND_NAMES.get(PROMOTION))?.count ?? 0;
  const these = promotions === manifest.count && promotions > 1 ? "All of them are promotions"
    : counted(promotions, "of them is a promotion", "of them are promotions");
  const about = promotions > 0 ? ` ${these}: changes on their way to an environment, allowed or refused.` : "";
  return `This page holds evidence of how software was made and released with the help of AI models: `
    + `${counted(manifest.count, "entry", "entries")} of an append-only log.${about}`;
}

function entriesText({ count, range }) {
  const numbers = range === null ? "" : range.end - range.start === 1 ? `, number ${number(range.start)}`
    : `, numbers ${number(range.start)} to ${number(range.end - 1)}`;
  return number(count) + numbers;
}

function completenessText({ range, filters }) {
  if (range !== null) {
    const time = filters.from_ms !== null || filters.to_ms !== null
      ? " That the entries before and after lie outside of the period is the maker’s word." : "";
    return `It claims to hold every entry from number ${number(range.start)} to ${number(range.end - 1)}: a gap would show.${time}`;
  }
  if (filters.entry !== null) {
    return "None is claimed. What the entry names, and what those name, is here or counted as left out. Whether other entries "
      + "say something of it, such as that it was withdrawn, nothing here shows.";
  }
  return selects(filters)
    ? "None is claimed. Entries were selected by what they say, and nothing shows that the selection left none out."
    : "None is claimed.";
}

function filterWords({ kind, from_ms: fromMs, to_ms: toMs, subject, environment, entry, unknown }) {
  const words = [];
  if (entry !== null) words.push(`entry ${number(entry)}, with what it names, and what these name`);
  if (kind !== null) words.push(`kind ${kindText(kind)}`);
  if (fromMs !== null) words.push(`from ${timeText(fromMs)}`);
  if (toMs !== null) words.push(`before ${timeText(toMs)}`);
  const parts = words.length > 0 ? [words.join("; ")] : [];
  if (environment !== null) parts.push(parts.length > 0 ? "; " : "", "environment ", said(environment));
  if (subject !== null) {
    parts.push(parts.length > 0 ? "; " : "", "subject with the digest ", ...digestNodes(subject));
  }
  if (unknown.size > 0) {
    const names = listed([...unknown.keys()]);
    parts.push(parts.length > 0 ? "; " : "", "what this page doesn’t know and didn’t compare, called ", said(names));
  }
  return parts.length > 0 ? parts : ["nothing: no filter was used"];
}

function redactionWords({ rule, claims, profile }) {
  const names = listed([...claims]);
  switch (rule) {
    case "hide":
      return [`in every record, these claims: ${names}`];
    case "keep":
      return [claims.size > 0 ? `in every record, all claims but: ${names}` : "in every record, all claims"];
    case "profile":
      return ["what the maker’s own rule named ", said(profile), " says"];
    default:
      return ["nothing by the maker of this package"];
  }
}
