// What decides, and by whose word: of a promotion the log's gate first (SPEC.md section 14).

/** Whose word a decision is. */
const BY_GATE = "gate";
const BY_SUBMITTER = "submitter";

/**
 * `{by, claim}`: on a promotion the attested `gate`, where there is one, alone; else the submitted `decision`. `by` is null
 * where the claim is hidden, or is a gate that says nothing that can be read. Null where nothing decides.
 */
function decisionOf(record) {
  const gate = record.kind === PROMOTION ? record.attested.get("gate") : undefined;
  if (gate !== undefined) return { by: isGate(gate.value) ? BY_GATE : null, claim: gate };
  const claim = record.submitted.get("decision");
  return claim === undefined ? null : { by: claim.hidden ? null : BY_SUBMITTER, claim };
}

/** A decision's outcome, such as `allow`, where it says one that is text; else null. */
function outcomeOf(decision) {
  const value = decision === null || decision.by === null ? undefined : decision.claim.value;
  const outcome = value instanceof Map ? value.get("outcome") : undefined;
  return typeof outcome === "string" ? outcome : null;
}

const isSomeText = (value) => typeof value === "string" && value !== "";
const isUint = (value) => typeof value === "number" && value >= 0;
const isListOfTexts = (value) => Array.isArray(value) && value.every(isSomeText);
const isHash = (value) => value instanceof Uint8Array && value.length === 32;

/** Members of the types that section 4.3 has for a reference and a gate: what each has to be, and whether it has to be there. */
const REFERENCE_MEMBERS = { index: [isUint, true], leaf_hash: [isHash, true], origin: [isSomeText, false] };
const GATE_MEMBERS = {
  outcome: [(value) => value === "allow" || value === "deny", true],
  policy: [(value) => hasMembers(value, REFERENCE_MEMBERS), true],
  as_of: [isUint, true],
  at_ms: [isUint, true],
  engine: [isSomeText, true],
  determining: [isListOfTexts, true],
  reasons: [isListOfTexts, true],
  expires_at_ms: [isUint, false],
  override: [(value) => typeof value === "boolean", false],
};

const isGate = (value) => hasMembers(value, GATE_MEMBERS);

/** Whether a value is a map with these members, and no others. */
function hasMembers(value, members) {
  if (!(value instanceof Map)) return false;
  for (const name of value.keys()) if (!Object.hasOwn(members, name)) return false;
  return Object.entries(members).every(([name, [is, required]]) => (value.has(name) ? is(value.get(name)) : !required));
}
