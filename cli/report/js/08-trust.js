// Trust files (SPEC.md section 7), and whether one believes a checkpoint: the checks `origin`, `log-signature`,
// `cosignatures` and `quorum` of section 8.

const TRUST_BYTES_MAX = 65_536;
const TRUST_MEMBERS_MAX = 256;

/** Reads a trust file: `{log, witnesses: [{name, key}], quorum}`, and who is a member of what. */
function parseTrust(text) {
  const bytes = encoder.encode(text).length;
  demand(bytes <= TRUST_BYTES_MAX, `trust file: at most ${TRUST_BYTES_MAX} bytes, got ${bytes}`);
  const characters = !/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text);
  demand(characters, "trust file: expected text without control characters other than tabs and newlines");
  const trust = new Trust();
  text.split("\n").forEach((line, place) => {
    try {
      trust.line(line.split(/[ \t]/).filter((word) => word !== ""));
    } catch (error) {
      throw error instanceof Refusal ? new Refusal(`trust file, line ${place + 1}: ${error.message}`) : error;
    }
  });
  demand(trust.log !== null, 'trust file: expected one line "log <vkey> [url]", got none');
  demand(trust.quorum !== null, 'trust file: expected one line "quorum <name>|none", got none');
  return trust;
}

/** What the reader typed as a key or a trust file, as a trust file. One verifier key stands for a log without witnesses. */
function trustText(typed) {
  const line = typed.trim();
  return /^[^\s+]+\+[^\s+]*\+\S+$/u.test(line) ? `log ${line}\nquorum none\n` : typed;
}

class Trust {
  constructor() {
    this.log = null;
    this.quorum = null;
    this.witnesses = [];
    // Witnesses and groups by name, in the order of definition: groups refer backwards only, so there are no cycles.
    this.members = new Map();
    this.grouped = new Set();
  }

  line(words) {
    if (words.length === 0 || words[0].startsWith("#")) return;
    const [first, name, second] = words;
    if (first === "log" && (words.length === 2 || words.length === 3)) this.defineLog(name);
    else if (first === "witness" && (words.length === 3 || words.length === 4)) this.defineWitness(name, second);
    else if (first === "group" && words.length > 3) this.defineGroup(name, second, words.slice(3));
    else if (first === "quorum" && words.length === 2) this.defineQuorum(name);
    else {
      throw new Refusal('expected "log <vkey> [url]", "witness <name> <vkey> [url]", '
        + '"group <name> any|all|<k> <member>..." or "quorum <name>|none"');
    }
  }

  defineLog(vkey) {
    const key = this.newKey(vkey, KEY_ED25519);
    demand(isOrigin(key.name), "the log key's name is no origin");
    demand(this.log === null, "expected one log line, got a second");
    this.log = key;
  }

  defineWitness(name, vkey) {
    const key = this.newKey(vkey, KEY_COSIGNATURE);
    this.define(name, { witness: this.witnesses.length });
    this.witnesses.push({ name, key });
  }

  defineGroup(name, thresholdText, members) {
    const thresholds = { any: 1, all: members.length };
    const threshold = Object.hasOwn(thresholds, thresholdText) ? thresholds[thresholdText] : fromDecimal(thresholdText);
    const possible = threshold !== null && threshold >= 1 && threshold <= members.length;
    demand(possible, `threshold: expected any, all or 1 to ${members.length}, got ${JSON.stringify(thresholdText)}`);
    for (const member of members) {
      demand(this.members.has(member), `name ${JSON.stringify(member)} is not defined above this line`);
      demand(!this.grouped.has(member), `${JSON.stringify(member)} is a member of a group already`);
      this.grouped.add(member);
    }
    this.define(name, { threshold, members });
  }

  defineQuorum(name) {
    demand(name === "none" || this.members.has(name), `name ${JSON.stringify(name)} is not defined above this line`);
    demand(this.quorum === null, "expected one quorum line, got a second");
    this.quorum = name;
  }

  newKey(vkey, type) {
    const key = parseVerifierKey(vkey);
    demand(key.type === type, "a log key has type 0x01, a witness key type 0x04");
    const known = [this.log, ...this.witnesses.map((witness) => witness.key)];
    const twice = known.some((other) => other !== null && sameBytes(other.publicKey, key.publicKey));
    demand(!twice, "this public key is in the file already: one key has one role");
    return key;
  }

  define(name, rule) {
    demand(name !== "none" && !this.members.has(name), `name ${JSON.stringify(name)} is taken`);
    demand(this.members.size < TRUST_MEMBERS_MAX, `at most ${TRUST_MEMBERS_MAX} witnesses and groups`);
    this.members.set(name, rule);
  }

  /** Whether the quorum is reached when exactly these witnesses, by their places, have cosigned. */
  quorumHolds(cosigned) {
    const holds = new Set();
    for (const [name, rule] of this.members) {
      const reached = rule.members === undefined
        ? cosigned.has(rule.witness)
        : rule.members.filter((member) => holds.has(member)).length >= rule.threshold;
      if (reached) holds.add(name);
    }
    return this.quorum === "none" || holds.has(this.quorum);
  }
}

const passed = (name, got) => ({ name, status: "pass", got });
const skipped = (name, remark) => ({ name, status: "skip", remark });
const compared = (name, expected, got, holds) => ({ name, status: holds ? "pass" : "fail", expected, got });

const CANNOT_CHECK = "this browser can't check Ed25519 signatures";

/** A check of who signed: failed, the checkpoint isn't believed. */
const ofTrust = (check) => ({ ...check, trust: true });

/** The four checks of a checkpoint against a trust file. Where the browser can't check a signature, they say so. */
async function trustChecks(checkpoint, trust, equation) {
  return (await checksOfTrust(checkpoint, trust, equation)).map(ofTrust);
}

async function checksOfTrust(checkpoint, trust, equation) {
  const { log, witnesses } = trust;
  const checks = [compared("origin", log.name, checkpoint.origin, checkpoint.origin === log.name)];

  const byLog = await outcomes(checkpoint.note, log, equation);
  if (byLog === null) checks.push({ ...skipped("log-signature", CANNOT_CHECK), unsupported: true });
  else {
    const holds = byLog.length > 0 && byLog.every(Boolean);
    const got = byLog.length === 0 ? "none by this key" : holds ? "one by this key" : "one by this key that doesn't verify";
    checks.push(compared("log-signature", `one by ${log.text}`, got, holds));
  }

  const cosigned = new Set();
  const [valid, invalid] = [[], []];
  for (const [place, { name, key }] of witnesses.entries()) {
    const lines = await outcomes(checkpoint.note, key, equation);
    if (lines === null) {
      const unsupported = { ...skipped("cosignatures", CANNOT_CHECK), unsupported: true };
      checks.push(unsupported, trust.quorum === "none" ? noQuorum() : { ...unsupported, name: "quorum" });
      return checks;
    }
    if (lines.length === 0) continue;
    if (lines.every(Boolean)) cosigned.add(place);
    (lines.every(Boolean) ? valid : invalid).push(name);
  }
  if (invalid.length > 0) {
    checks.push(compared("cosignatures", "only valid ones by known witnesses", `invalid by ${invalid.join(", ")}`, false));
  } else if (valid.length > 0) checks.push(passed("cosignatures", valid.join(", ")));
  else checks.push(skipped("cosignatures", "no known witness has cosigned"));

  const reached = trust.quorumHolds(cosigned);
  checks.push(trust.quorum === "none" ? noQuorum()
    : compared("quorum", trust.quorum, reached ? "reached" : "cosignature pending", reached));
  return checks;
}

const noQuorum = () => skipped("quorum", "the trust file demands no witness");

/** For each signature line by this key, whether it verifies; null where the browser can't tell. */
async function outcomes(note, key, equation) {
  const found = [];
  for (const line of note.signatures) {
    if (!isBy(line, key)) continue;
    try {
      found.push(await lineVerifies(note.text, line.signature, key, equation));
    } catch (error) {
      if (error instanceof Ed25519Unsupported) return null;
      throw error;
    }
  }
  return found;
}

async function lineVerifies(text, bytes, key, equation) {
  if (key.type === KEY_ED25519) return ed25519Verifies(key, bytes, encoder.encode(text), equation);
  if (bytes.length < 8) return false;
  const timeS = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  if (timeS >= 2n ** 63n) return false;
  const message = encoder.encode(`cosignature/v1\ntime ${timeS}\n${text}`);
  return ed25519Verifies(key, bytes.subarray(8), message, equation);
}
