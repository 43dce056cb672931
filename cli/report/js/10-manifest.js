// `manifest.json`: what a package says of itself (SPEC.md section 11.2). Nothing in it is believed.

const MANIFEST = "manifest.json";
const MANIFEST_SHA256 = "manifest.sha256";
const CHECKPOINT = "checkpoint";
const PREVIOUS_CHECKPOINT = "previous-checkpoint";
const CONSISTENCY = "consistency.bin";
const RECORDS = "records.cbor";
const PROOF = "proof.bin";
const JSON_LINES = "records.jsonl";
const CSV = "records.csv";
const REPORT = "report.html";

/** The format's versions, from 1 on. */
const FORMATS = ["provlog-export/v1", "provlog-export/v2"];
const MANIFEST_BYTES_MAX = 65_536;
const ENTRIES_MAX = 10_000_000;

/** The files that a manifest lists, and those that go with its member `previous`. */
const FILES = [CHECKPOINT, PREVIOUS_CHECKPOINT, CONSISTENCY, RECORDS, PROOF, JSON_LINES, CSV, REPORT];
const WITH_PREVIOUS = [PREVIOUS_CHECKPOINT, CONSISTENCY];

/** Its members; `left_out` from the second version on. */
const MEMBERS = ["format", "tool", "created_ms", "origin", "checkpoint", "previous", "filters", "range", "count",
  "left_out", "redaction", "files"];

/** Algorithms of a digest, with the lengths in bytes that their values may have. */
const DIGEST_BYTES = {
  sha256: [32], sha512_256: [32], sha3_256: [32], dirHash: [32], sha384: [48], sha512: [64], blake2b: [64],
  gitCommit: [20, 32], gitTree: [20, 32], gitBlob: [20, 32], gitTag: [20, 32],
};

/**
 * Reads a manifest. A page holds its package's manifest as a statement: the same, but for its own row, as no file holds
 * its own digest; and with `<` spelled as an escape of six characters.
 */
function parseManifest(bytes, inPage) {
  const limit = inPage ? 6 * MANIFEST_BYTES_MAX : MANIFEST_BYTES_MAX;
  demand(bytes.length <= limit, `expected at most ${limit} bytes`);
  const json = parseJson(bytes);
  const format = json instanceof Map ? json.get("format") : undefined;
  const version = FORMATS.indexOf(format) + 1;
  demand(version > 0, `format: expected ${FORMATS.join(" or ")}, got ${JSON.stringify(format)}`);
  const members = membersOf("manifest", json, MEMBERS.filter((name) => version >= 2 || name !== "left_out"));
  const manifest = {
    version,
    tool: textOf("tool", members.tool),
    createdMs: numberOf("created_ms", members.created_ms),
    origin: textOf("origin", members.origin),
    checkpoint: headOf("checkpoint", members.checkpoint),
    previous: members.previous === null ? null : headOf("previous", members.previous),
    filters: filtersOf(members.filters, version),
    range: members.range === null ? null : rangeOf(members.range),
    count: numberOf("count", members.count),
    leftOut: (members.left_out ?? null) === null ? null : leftOutOf(members.left_out),
    redaction: redactionOf(members.redaction),
    files: filesOf(members.files),
  };
  demand(isOrigin(manifest.origin), "origin: expected A-Z a-z 0-9 . _ ~ : / -");
  checkSelection(manifest);
  for (const name of FILES) {
    const listed = manifest.files.has(name);
    if (WITH_PREVIOUS.includes(name)) {
      demand(listed === (manifest.previous !== null), `files: ${name} goes with the member previous, and only with it`);
    } else if (inPage && name === REPORT) demand(!listed, `files: ${name} can't list itself`);
    else demand(listed, `files: ${name} is missing`);
  }
  return manifest;
}

/** Whether a page's statement says what this manifest says, member by member, but for the page's own row. */
function isStatementOf(statement, manifest) {
  const files = new Map(manifest.files);
  files.delete(REPORT);
  return canonical(statement) === canonical({ ...manifest, files });
}

/** An object's members of exactly these names, as properties. */
function membersOf(place, json, names) {
  demand(json instanceof Map, `${place}: expected an object`);
  for (const name of json.keys()) demand(names.includes(name), `${place}: unknown member ${JSON.stringify(name)}`);
  for (const name of names) demand(json.has(name), `${place}: member ${name} is missing`);
  return Object.fromEntries(json);
}

function textOf(place, json) {
  demand(typeof json === "string", `${place}: expected a string`);
  return json;
}

function numberOf(place, json) {
  demand(typeof json === "number" && json >= 0, `${place}: expected an integer from 0 to ${INTEGER_MAX}`);
  return json;
}

function hashOf(place, json) {
  demand(typeof json === "string" && /^[0-9a-f]{64}$/.test(json), `${place}: expected 64 lowercase hex digits`);
  return json;
}

function headOf(place, json) {
  const { size, root } = membersOf(place, json, ["size", "root"]);
  return { size: numberOf(place, size), root: hashOf(place, root) };
}

function rangeOf(json) {
  const { start, end } = membersOf("range", json, ["start", "end"]);
  return { start: numberOf("range", start), end: numberOf("range", end) };
}

/** A Map from algorithm to bytes. */
function digestOf(place, json) {
  demand(json instanceof Map && json.size > 0, `${place}: expected a digest`);
  const digest = new Map();
  for (const [algorithm, text] of json) {
    demand(Object.hasOwn(DIGEST_BYTES, algorithm), `${place}: unknown algorithm ${JSON.stringify(algorithm)}`);
    const bytes = typeof text === "string" ? fromHex(text) : null;
    const fits = bytes !== null && DIGEST_BYTES[algorithm].includes(bytes.length);
    demand(fits, `${place}: ${algorithm}: expected ${DIGEST_BYTES[algorithm].join(" or ")} bytes in lowercase hex`);
    digest.set(algorithm, bytes);
  }
  return digest;
}

/** `{rule, claims, profile}`; claims are a Set of full names. */
function redactionOf(json) {
  const { rule, claims, profile } = membersOf("redaction", json, ["rule", "claims", "profile"]);
  demand(Array.isArray(claims), "redaction: claims: expected an array");
  for (const claim of claims) {
    const full = typeof claim === "string" && /^(?:submitted|attested)\.(.*)$/s.exec(claim);
    demand(full && CLAIM_NAME.test(full[1]), "redaction: expected submitted.<claim> or attested.<claim>");
  }
  const named = profile !== null;
  if (named) textOf("redaction: profile", profile);
  const holds = (rule === "none" && !named && claims.length === 0)
    || (rule === "profile" && named && claims.length === 0)
    || (rule === "hide" && !named && claims.length > 0)
    || (rule === "keep" && !named);
  demand(holds, "redaction: expected the rule none; hide or keep, with claims; or profile, with its name");
  return { rule, claims: new Set(claims), profile };
}

/** A Map from name to `{size, sha256}`. */
function filesOf(json) {
  demand(Array.isArray(json), "files: expected an array");
  const files = new Map();
  for (const row of json) {
    const { name, size, sha256: digest } = membersOf("files", row, ["name", "size", "sha256"]);
    demand(FILES.includes(name), `files: ${JSON.stringify(name)} is no file of this format`);
    demand(!files.has(name), `files: ${name} is there twice`);
    files.set(name, { size: numberOf(name, size), sha256: hashOf(name, digest) });
  }
  return files;
}

/** The full name of a claim that is shown although the manifest says that it is hidden, or null. */
function shownAgainst(redaction, record) {
  if (redaction.rule !== "hide" && redaction.rule !== "keep") return null;
  for (const section of SECTIONS) {
    for (const { name, hidden } of record[section].values()) {
      const full = `${section}.${name}`;
      if (!hidden && redaction.claims.has(full) === (redaction.rule === "hide")) return full;
    }
  }
  return null;
}
