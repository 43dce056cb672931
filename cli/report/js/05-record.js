// Kinds, entries, claims and records: SPEC.md sections 3 and 4.2.

/** Names of the kinds of table 4.2, by number. */
const KIND_NAMES = new Map([
  [0, "genesis"], [1, "generation"], [2, "scan"], [3, "approval"], [4, "promotion"], [5, "policy"], [6, "trust"],
  [7, "erasure"], [8, "withdrawal"], [9, "credential"], [10, "revocation"], [11, "refusal"], [12, "hold"],
  [13, "release"], [14, "rotation"], [22, "event"],
]);
const APPROVAL = 3;
const PROMOTION = 4;
const KIND_MAX = 23;

const kindText = (kind) => KIND_NAMES.get(kind) ?? String(kind);

const SECTIONS = ["submitted", "attested"];

const RECORD_BYTES_MAX = 48_000;
const ENTRY_BYTES = 80;
const TIME_MS_MIN = 2 ** 32;
const CLAIMS_MAX = 64;
const CLAIM_BYTES_MAX = 16_384;
const CLAIM_HIDDEN_BYTES = 34;
const VALUE_DEPTH_MAX = 8;
const CLAIM_NAME = /^[a-z][a-z0-9_-]{0,63}$/;

/**
 * Reads the record that starts where the reader stands. Claims are `{name, nameBytes, hash, hidden, value}`; views into
 * the reader's bytes are only good for as long as those are.
 */
function readRecord(reader) {
  const start = reader.at;
  demand(reader.length(ARRAY, "a record") === 3, "a record is an array of 3 items");
  const entryBytes = reader.byteString();
  const entry = readEntry(entryBytes);
  const sections = SECTIONS.map(() => readSection(reader));
  const length = reader.at - start;
  let counted = length;
  for (const { short } of sections) counted += short;
  demand(counted <= RECORD_BYTES_MAX, `a record is at most ${RECORD_BYTES_MAX} bytes, got ${counted}`);
  const [submitted, attested] = sections.map(({ claims }) => claims);
  return { ...entry, leafHash: leafHash(entryBytes), submitted, attested };
}

/** Whether both sections recompute to the digests in the entry. */
function digestsMatch(record) {
  return SECTIONS.every((name, number) => {
    const digest = sectionDigest(number, record.kind, record[name].values());
    return sameBytes(digest, record.digests[number]);
  });
}

function readEntry(bytes) {
  const version = bytes[1];
  if (bytes[0] === 0x85 && version >= 2 && version <= KIND_MAX) {
    throw new Refusal(`entry version ${version} is not known to this version`);
  }
  demand(bytes.length === ENTRY_BYTES, `an entry is ${ENTRY_BYTES} bytes, got ${bytes.length}`);
  const reader = new CborReader(bytes);
  demand(reader.length(ARRAY, "an entry") === 5 && version === 1, "an entry is an array of five, of version 1");
  reader.at = 2;
  const [kind, timeMs] = [reader.value(0), reader.value(0)];
  demand(Number.isInteger(kind) && kind >= 0 && kind <= KIND_MAX, `an entry's kind is from 0 to ${KIND_MAX}`);
  demand(Number.isInteger(timeMs) && timeMs >= TIME_MS_MIN, "an entry's time is within 2^32 <= time_ms < 2^53");
  const digests = [reader.byteString(), reader.byteString()];
  demand(digests.every((digest) => digest.length === 32), "an entry's digests are byte strings of 32");
  return { kind, timeMs, digests };
}

function readSection(reader) {
  const count = reader.length(MAP, "a section");
  demand(count <= CLAIMS_MAX, `a section holds at most ${CLAIMS_MAX} claims, got ${count}`);
  const claims = new Map();
  let nameBytes = null;
  let short = 0;
  for (let n = 0; n < count; n += 1) {
    nameBytes = reader.key(nameBytes);
    const name = reader.text(nameBytes);
    if (!CLAIM_NAME.test(name)) throw new Refusal(`${JSON.stringify(name)} is no name of a claim`);
    const start = reader.at;
    claims.set(name, readClaim(reader, name, nameBytes));
    const length = reader.at - start;
    if (length > CLAIM_BYTES_MAX) throw new Refusal(`claim ${name}: at most ${CLAIM_BYTES_MAX} bytes, got ${length}`);
    short += Math.max(0, CLAIM_HIDDEN_BYTES - length);
  }
  return { claims, short };
}

function readClaim(reader, name, nameBytes) {
  const form = "a claim is [salt of 16 bytes, value], or a hash of 32 bytes";
  if (reader.atByteString()) {
    const hash = reader.byteString();
    demand(hash.length === 32, form);
    return { name, nameBytes, hidden: true, hash, value: undefined };
  }
  const start = reader.at;
  demand(reader.length(ARRAY, "a claim") === 2, form);
  demand(reader.byteString().length === 16, form);
  const value = reader.value(VALUE_DEPTH_MAX);
  const hash = claimHash(reader.bytes.subarray(start, reader.at));
  return { name, nameBytes, hidden: false, hash, value };
}

/** The members of a map that is a digest agree where both have an algorithm, and they have one. */
function digestsAgree(wanted, found) {
  let shared = 0;
  for (const [algorithm, value] of wanted) {
    if (!found.has(algorithm)) continue;
    const other = found.get(algorithm);
    if (!(other instanceof Uint8Array) || !sameBytes(value, other)) return false;
    shared += 1;
  }
  return shared > 0;
}
