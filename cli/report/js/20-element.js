// Building what is shown. Text goes in as text and attributes by name from a short list: there is no way from a record's
// words to markup, and the page's content security policy would not run it if there were.

const HTML = "http://www.w3.org/1999/xhtml";
const SVG = "http://www.w3.org/2000/svg";

/** Attributes that are set. None of them runs anything, loads anything or styles anything. */
const ATTRIBUTES = new Set(["class", "id", "scope", "colspan", "type", "value", "role", "tabindex", "datetime", "title",
  "viewBox", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "text-anchor", "aria-label", "aria-labelledby",
  "aria-hidden", "data-check", "data-status", "data-index", "data-entry"]);

function build(namespace, tag, attributes, children) {
  const made = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (!ATTRIBUTES.has(name)) throw new Error(`attribute ${name} is not one that is set here`);
    made.setAttribute(name, value);
  }
  // Strings become text nodes.
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/** An element. Children are nodes and strings, or lists of them; null is left out. */
const element = (tag, attributes = {}, ...children) => build(HTML, tag, attributes, children);
const drawing = (tag, attributes = {}, ...children) => build(SVG, tag, attributes, children);
const byId = (id) => document.getElementById(id);

/**
 * A link out of the page, and never for an address of a record. Addresses are the page's data: whoever made the page chose
 * them, so each is shown as it is and never stands behind other words.
 */
function outwardLink(address) {
  let url = null;
  try {
    url = new URL(address);
  } catch {
    // Then it is no address.
  }
  if (url?.protocol !== "https:") return said(address);
  const link = element("a", {}, said(url.href));
  link.setAttribute("href", url.href);
  link.setAttribute("rel", "noreferrer noopener");
  return link;
}

/** Characters that nobody sees and that change how others are read, but for line ends and tabs. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/u;
const UNSEEN_APART = /([^\P{Cc}\t\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}])/u;

/** Longest text that is shown at once, in UTF-16 units. */
const TEXT_SHOWN_MAX = 600;

/** What somebody said: isolated, so that its direction stays its own, with unseen characters shown by their numbers. */
function said(text) {
  if (text.length <= TEXT_SHOWN_MAX) return element("bdi", { class: "said" }, visible(text));
  const start = Array.from(text.slice(0, TEXT_SHOWN_MAX / 2)).slice(0, -1).join("");
  return element("span", { class: "long" }, element("bdi", { class: "said" }, visible(start), "…"), " ",
    opening(`all ${number(text.length)} characters`, () => element("bdi", { class: "said" }, visible(text))));
}

function visible(text) {
  if (text === "") return [element("span", { class: "unseen" }, "empty")];
  if (!UNSEEN.test(text)) return [text];
  return text.split(UNSEEN_APART).filter((part) => part !== "").map((part) => {
    if (!UNSEEN_APART.test(part)) return part;
    const point = part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    return element("span", { class: "unseen", title: "a character that nobody sees" }, `U+${point}`);
  });
}

/** Something that opens, and whose content is made when it does. */
function opening(title, content) {
  const details = element("details", {}, element("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(content());
  });
  return details;
}

const hash = (text) => element("code", { class: "hash" }, text);

const number = (value) => (typeof value === "number" ? value.toLocaleString("en-US") : "?");
const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** Items with commas between, and a word before the last. */
function listed(items, word = "and") {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} ${word} ${items.at(-1)}`;
}

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December"];

/** `21 September 2026`. */
function dayText(ms) {
  if (!Number.isSafeInteger(ms) || ms < 0) return "?";
  const [, year, month, day] = /^(\d+)-(\d\d)-(\d\d)/.exec(rfc3339(ms));
  return `${Number(day)} ${MONTHS[Number(month) - 1]} ${year}`;
}

/** `21 September 2026, 13:46:40 UTC`. */
function timeText(ms) {
  return Number.isSafeInteger(ms) && ms >= 0 ? `${dayText(ms)}, ${/T([0-9:]+)/.exec(rfc3339(ms))[1]} UTC` : "?";
}

function time(ms) {
  return element("time", { datetime: rfc3339(ms), title: rfc3339(ms) }, timeText(ms));
}

/** Rows of a list of facts. */
const fact = (name, ...values) => [element("dt", {}, name), element("dd", {}, ...values)];

/** A table whose cells are nodes or strings. Columns are `{title, number}`. Under a heading the title is for the ear only. */
function table(title, columns, rows, underHeading = false) {
  const cell = ({ number: isNumber }, value, place) => {
    const attributes = isNumber ? { class: "number" } : {};
    return place === 0 ? element("th", { scope: "row", ...attributes }, value) : element("td", attributes, value);
  };
  const heads = columns.map((column) =>
    element("th", { scope: "col", ...(column.number ? { class: "number" } : {}) }, column.title));
  return element("div", { class: "scroll" }, element("table", {},
    element("caption", underHeading ? { class: "unseen-caption" } : {}, title),
    element("thead", {}, element("tr", {}, heads)),
    element("tbody", {}, rows.map((row) => element("tr", {}, row.map((value, place) => cell(columns[place], value, place)))))));
}
