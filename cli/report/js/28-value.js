// Claims as people read them. A value may have any form: what doesn't fit is shown as it is.

/** Items of a list that are shown in a record's story; the full view has them all. */
const ITEMS_SHOWN_MAX = 10;

const isMap = (value) => value instanceof Map;
const itemsOf = (value) => (Array.isArray(value) ? value : [value]);

/** A whole value, member by member. `name` is that of the claim or member. */
function valueNode(value, name = "") {
  if (typeof value === "string") return said(value);
  if (value instanceof Uint8Array) return value.length === 0 ? element("i", {}, "no bytes") : longHash(hex(value));
  if (typeof value === "number") {
    const isTime = name.endsWith("_ms") && value >= 0;
    return element("span", {}, String(value), isTime ? [" (", time(value), ")"] : null);
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? element("i", {}, "an empty list")
      : element("ol", { class: "value" }, value.map((item) => element("li", {}, valueNode(item, name))));
  }
  if (isMap(value)) {
    return value.size === 0 ? element("i", {}, "an empty map")
      : element("dl", { class: "value" }, Array.from(value, ([member, item]) => fact(said(member), valueNode(item, member))));
  }
  return element("i", {}, String(value));
}

const longHash = (text) => (text.length > TEXT_SHOWN_MAX ? said(text) : hash(text));

/** A claim: missing, hidden, absent, or what `show` makes of its value; null from there means that it doesn't fit. */
function claimNode(claim, show) {
  if (claim === undefined) return element("span", { class: "gap" }, "no such claim in this entry");
  if (claim.hidden) return element("span", { class: "gap" }, "hidden in this package; its hash is ", hash(hex(claim.hash)));
  if (isAbsent(claim.value)) return absentNode(claim.value);
  return show(claim.value) ?? valueNode(claim.value, claim.name);
}

const isAbsent = (value) => isMap(value) && value.has("absent");

function absentNode(value) {
  const reason = value.get("absent");
  const note = value.get("note");
  return element("span", { class: "gap" }, "recorded as absent: ",
    isText(reason) ? said(absentWords(reason)) : valueNode(reason), isText(note) ? [" (", said(note), ")"] : null);
}

/** The first items of a list, or the one item, each by `show`. */
function itemList(value, show) {
  const items = itemsOf(value);
  const shown = items.slice(0, ITEMS_SHOWN_MAX).map((item) => show(item) ?? valueNode(item));
  if (items.length === 0) return element("i", {}, "an empty list");
  if (items.length === 1) return shown[0];
  const more = items.length - shown.length;
  return element("ol", { class: "value" }, shown.map((node) => element("li", {}, node)),
    more > 0 ? element("li", {}, `and ${number(more)} more, in the full view`) : null);
}

/** Algorithm and hex of each of a digest's values. */
function digestNodes(digest) {
  return Array.from(digest, ([algorithm, value], place) => [place > 0 ? ", " : "", said(algorithm), " ", valueNode(value)]);
}

function digestNode(value) {
  return isMap(value) && value.size > 0 && value.size <= 16 ? element("span", {}, digestNodes(value)) : null;
}

const digestLine = (value) => element("span", { class: "line" }, digestNode(value) ?? valueNode(value));

/** Texts of these members of a map, with spaces between; a member may be absent. Null where none is there. */
function membersNode(value, names) {
  if (!isMap(value)) return null;
  const nodes = names.filter((name) => value.has(name)).map((name) => {
    const member = value.get(name);
    return isAbsent(member) ? element("span", { class: "gap" }, `(${name} `, absentNode(member), ")") : valueNode(member);
  });
  return nodes.length === 0 ? null : element("span", {}, nodes.flatMap((node) => [node, " "]).slice(0, -1));
}

function subjectNode(value) {
  if (!isMap(value)) return null;
  const digest = value.get("digest");
  return element("span", {}, membersNode(value, ["name"]), value.has("uri") ? [" ", valueNode(value.get("uri"))] : null,
    digest === undefined ? null : digestLine(digest));
}

function policyNode(value) {
  const names = membersNode(value, ["name", "version"]);
  const digest = isMap(value) ? value.get("digest") : undefined;
  if (names === null) return null;
  return element("span", {}, names, digest === undefined ? null : digestLine(digest));
}

const WORKLOAD_METHODS = {
  log: "the log itself", "static-token": "a token that the log gave out",
  oidc: "an OpenID Connect token", "jwt-svid": "a SPIFFE JWT", "x509-svid": "a SPIFFE certificate", peer: "the connection’s peer",
};

function workloadNode(value) {
  if (!isMap(value)) return null;
  const method = value.get("method");
  const by = wordFor(WORKLOAD_METHODS, method, null);
  const names = membersNode(value, ["id", "issuer"]);
  const standing = method === "none" ? "the log verified nothing: anybody could have submitted this"
    : by === null ? "recorded by the log" : `recorded by the log, verified by ${by}`;
  return element("span", {}, names ?? "no name", element("span", { class: "line aside" }, standing));
}

const isReference = (value) => isMap(value) && typeof value.get("index") === "number" && value.get("index") >= 0;

/** Entries of this log that the shown approvals of a record refer to. */
function referredIndices(record) {
  const claims = ["approvals", "approval"].map((name) => record.submitted.get(name)?.value);
  const references = claims.flatMap((value) => itemsOf(value).slice(0, ITEMS_SHOWN_MAX)).filter(isReference);
  return references.filter((value) => !value.has("origin")).map((value) => value.get("index"));
}

/**
 * A reference to the entry that is an approval. It leads there if it names the entry that this package has: with another
 * leaf hash it names another one. `entries` has the leaf hash and kind of those that are here, by index.
 */
function referenceNode(value, entries) {
  const index = value.get("index");
  const [origin, leaf] = [value.get("origin"), value.get("leaf_hash")];
  const named = `entry ${number(index)}`;
  const line = leaf === undefined ? null : element("span", { class: "line aside" }, "leaf hash ", valueNode(leaf));
  const apart = (...words) => element("span", {}, "names ", named, ...words, line);
  if (origin !== undefined) return apart(" of the log ", valueNode(origin), ", which can’t be followed here");
  const entry = entries.get(index);
  if (entry === undefined) return apart(", which is not in this package, so it can’t be followed here");
  if (!(leaf instanceof Uint8Array)) return apart(" without its leaf hash, so it isn’t followed");
  if (!sameBytes(leaf, entry.leafHash)) {
    return apart(element("b", { class: "problem" }, " with another leaf hash than this log has there"));
  }
  const kind = entry.kind === APPROVAL ? null : element("span", { class: "gap" }, `, of the kind ${kindText(entry.kind)}`);
  return element("span", {}, entryButton(index, named), kind, line);
}

/** An approval in full, or a reference to one. */
function approvalNode(value, entries) {
  if (!isMap(value)) return null;
  if (isReference(value)) return referenceNode(value, entries);
  const approver = value.get("approver");
  if (approver === undefined) return null;
  const method = value.get("method");
  const statement = value.get("statement");
  return element("span", {}, membersNode(approver, ["name", "id"]) ?? valueNode(approver),
    method === undefined ? null : [", by ", valueNode(method)], statement === undefined ? null : [": ", valueNode(statement)]);
}
