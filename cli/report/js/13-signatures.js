// Signatures of others than the log, which SPEC.md section 12.7 checks and a page doesn't: they are counted, so that the
// page can say so beside its verdict.

const WITHDRAWAL = 8;

/** How the statement of an approval starts, whatever its version. */
const STATEMENT_START = "provlog-approval/";

class UncheckedSignatures {
  constructor() {
    /** Entries of a workload whose own proof of identity is bound to them, and with approvals that are signed. */
    this.workloads = 0;
    this.approvals = 0;
  }

  add({ kind, submitted, attested }) {
    if (attested.has("workload_evidence") || memberOf(attested.get("workload"), "binding") === "statement") {
      this.workloads += 1;
    }
    const statement = kind === APPROVAL || kind === WITHDRAWAL ? memberOf(submitted.get("approval"), "statement") : undefined;
    const isSigned = typeof statement === "string" && statement.startsWith(STATEMENT_START);
    if (isSigned || attested.has("approval_checks")) this.approvals += 1;
  }
}

/** A member of a claim that is a map and is shown. */
function memberOf(claim, name) {
  return claim?.value instanceof Map ? claim.value.get(name) : undefined;
}
