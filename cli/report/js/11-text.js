// The line of `records.jsonl` and the row of `records.csv` that a record makes: SPEC.md sections 11.4 and 11.5.

/** Both are functions of index, record and the format's version alone, so they are made again and compared. */
function jsonLine(index, record) {
  const shown = (section) => membersText(section, (claim) => !claim.hidden, (claim) => jsonText(claim.value));
  const hidden = (section) => membersText(section, (claim) => claim.hidden, (claim) => `"${hex(claim.hash)}"`);
  const { kind, timeMs, submitted, attested } = record;
  const kindJson = KIND_NAMES.has(kind) ? `"${KIND_NAMES.get(kind)}"` : String(kind);
  return `{"index":${index},"kind":${kindJson},"time_ms":${timeMs},"leaf_hash":"${hex(record.leafHash)}",`
    + `"submitted":${shown(submitted)},"attested":${shown(attested)},`
    + `"hidden":{"submitted":${hidden(submitted)},"attested":${hidden(attested)}}}\n`;
}

function membersText(section, which, text) {
  let members = "";
  for (const claim of section.values()) {
    if (which(claim)) members += `${members === "" ? "" : ","}"${claim.name}":${text(claim)}`;
  }
  return `{${members}}`;
}

/**
 * Columns that show a claim: the claims, of which the first that the record has is shown, and the members that are shown
 * of each of its maps. `since` is the format's version in which the column came, the first where it says none.
 */
const CSV_COLUMNS = [
  { name: "subject", claims: [["submitted", "subject"]], members: [["name"], ["uri"], ["digest"]] },
  { name: "model", claims: [["submitted", "model"]], members: [["provider"], ["name"], ["version"]] },
  { name: "prompt_hash", claims: [["submitted", "prompt_hash"]], members: [] },
  { name: "agent", claims: [["submitted", "agent"]], members: [["name"], ["version"]] },
  { name: "human_involvement", claims: [["submitted", "human_involvement"]], members: [["level"]] },
  { name: "workload", claims: [["attested", "workload"]], members: [["method"], ["id"]] },
  {
    name: "approvers",
    claims: [["submitted", "approvals"], ["submitted", "approval"]],
    members: [["approver", "id"], ["index"]],
  },
  { name: "policy", claims: [["submitted", "policy"]], members: [["name"], ["version"]] },
  { name: "environment", claims: [["submitted", "environment"]], members: [] },
  {
    name: "outcome",
    claims: [["submitted", "decision"], ["submitted", "scan"]],
    members: [["outcome"], ["verdict"]],
  },
  { name: "evidence", claims: [["attested", "workload_evidence"]], members: [["format"]], since: 2 },
  { name: "signers", claims: [["attested", "approval_checks"]], members: [["signer"]], since: 2 },
  { name: "gate", claims: [["attested", "gate"]], members: [["outcome"]], since: 2 },
];

/** The columns of each version of the format. */
const CSV_COLUMNS_OF = new Map(FORMATS.map((_, place) => {
  const version = place + 1;
  return [version, CSV_COLUMNS.filter(({ since }) => (since ?? 1) <= version)];
}));

function csvHeader(version) {
  const names = CSV_COLUMNS_OF.get(version).map(({ name }) => name);
  return `${["index", "time", "kind", "leaf_hash", ...names, "hidden"].join(",")}\r\n`;
}

function csvRow(index, record, version) {
  const isGated = version >= 2 && record.attested.has("gate");
  let row = `${index},${rfc3339(record.timeMs)},${kindText(record.kind)},${hex(record.leafHash)}`;
  for (const { name: column, claims, members } of CSV_COLUMNS_OF.get(version)) {
    let claim;
    for (const [section, name] of claims) claim ??= record[section].get(name);
    // Where a gate of the log's decides, nothing that was submitted does.
    if (isGated && column === "outcome") claim = undefined;
    row += `,${csvCell(claim === undefined ? "" : claim.hidden ? "(hidden)" : summary(claim.value, members))}`;
  }
  return `${row},${csvCell(hiddenNames(record).join(" "))}\r\n`;
}

function hiddenNames(record) {
  const names = [];
  for (const section of SECTIONS) {
    for (const { name, hidden } of record[section].values()) if (hidden) names.push(`${section}.${name}`);
  }
  return names;
}

/** A value in one cell: items with `; ` between, of each item that is a map the members of these paths. */
function summary(value, members) {
  return (Array.isArray(value) ? value : [value]).map((item) => itemText(item, members)).join("; ");
}

function itemText(item, members) {
  if (!(item instanceof Map)) return scalarText(item);
  if (item.has("absent")) return absentText(item);
  const found = [];
  for (const path of members) {
    let member = item;
    for (const step of path) member = member instanceof Map ? member.get(step) : undefined;
    if (member !== undefined) found.push(itemText(member, []));
  }
  if (found.length > 0) return found.join(" ");
  return Array.from(item, ([name, member]) => `${name}:${scalarText(member)}`).join(" ");
}

const absentText = (map) => `(${scalarText(map.get("absent"))})`;

function scalarText(value) {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? hex(value) : jsonText(value);
}

/** No spreadsheet takes a part of a cell for a formula: an apostrophe stands before what would start one. */
function csvCell(text) {
  const harmless = text.replace(/(^|[,;|"\t\r\n])( *)(?=[=+\-@'\uff1d\uff0b\uff0d\uff20])/g, "$1$2'");
  return /[,;|"\t\r\n]/.test(text) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
