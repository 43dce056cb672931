"""The second verifier's part for evidence in packages: what section 12.7 of SPEC.md says of them, and like verify.py
written from SPEC.md alone. What is checked of one record is in evidence.py.
"""

from collections import OrderedDict

from evidence import (
    ApprovalEntry, approval_checks, check_member, is_list_of_items, promotion_checks, read_own_approval, read_workload,
    workload_checks)
from sets import Sets
from verify import KINDS, sha256

MAX_APPROVAL_ENTRIES = 16_384  # section 12.8
BY_LOG_OR_ADMIN = {"genesis", "trust", "erasure", "refusal", "rotation", "hold", "release"}  # section 4.2

CHECKS = ["workload-form", "workload-bound", "approval-form", "approval-signed", "approval", "members"]
NOT_GIVEN = "not given"  # of `members`, until it is known whether all entries are

class PackagedEvidence:
    """What is found while the records are read."""

    def __init__(self, origin, given):
        self.origin, self.given = origin, given
        self.found = {name: set() for name in CHECKS}  # statuses
        self.approvals = OrderedDict()  # index: leaf hash and ApprovalEntry
        self.sets = Sets()
        if given.requires_bound:
            self.found["workload-bound"].add("pass")  # where it is required of no entry

    def look_at(self, index, record):
        workload, own = read_workload(record, self.origin), read_own_approval(record, self.origin)
        is_required = self.given.requires_bound and KINDS.get(record.kind) not in BY_LOG_OR_ADMIN
        self.add(workload_checks(record, workload, self.given, is_required))
        self.add(approval_checks(record, own, self.given))
        # Those that a promotion refers to are before it.
        self.add(("approval", status) for _, status in promotion_checks(record, self.origin, self.given, self.entry_at))
        if KINDS.get(record.kind) == "approval":
            self.keep_approval(index, record, own)
        # Unknown from this entry on, but otherwise folded from those below it.
        statuses = member_statuses(record, workload, self.sets)
        self.sets.take(index, record)
        if not self.sets.are_known:
            statuses = member_statuses(record, workload, self.sets)
        self.add(("members", status) for status in statuses)

    def add(self, checks):
        for name, status in checks:
            self.found[name].add(status)

    def keep_approval(self, index, record, own):
        if len(self.approvals) == MAX_APPROVAL_ENTRIES:
            self.approvals.popitem(last=False)
        claim = record.sections["submitted"].get("approval")
        status, approval = own or ("skip" if claim and claim.hidden else "fail", None)
        self.approvals[index] = sha256(b"\x00", record.entry), ApprovalEntry(record.time_ms, status, approval)

    def entry_at(self, index, leaf):
        there, entry = self.approvals.get(index, (None, None))
        return entry if there == leaf else None

    def checks(self, of_records, wanted):
        """Behind the other checks; `wanted` is the manifest's range."""
        if of_records["records"] != "pass":
            return [("workload-bound", "fail")] if self.given.requires_bound else []
        is_whole = of_records["completeness"] == "pass" and wanted["start"] == 0
        plain = {NOT_GIVEN: "fail" if is_whole else "skip"}
        listed = {name: {plain.get(one, one) for one in statuses} for name, statuses in self.found.items() if statuses}
        return [(name, next(one for one in ("fail", "pass", "skip") if one in statuses))
                for name, statuses in listed.items()]

# --- The check `members`
def member_statuses(record, workload, sets):
    return [*key_statuses(record, workload, sets), *roster_statuses(record, sets)]

def key_statuses(record, workload, sets):
    claim = record.sections["attested"].get("workload_evidence")
    if claim is None:
        return
    if workload[0] != "pass":
        yield "skip"
        return
    said, issuer = workload[1].workload, workload[1].workload["issuer"]
    of_issuer = ("jwks", issuer) if said["method"] == "oidc" else ("spiffe-bundle", issuer.removeprefix("spiffe://"))
    if said["method"] == "x509-svid":
        yield member_status(sets, claim.value["bundle"], of_issuer, ("x509-svid", claim.value["ca"]))
    else:
        kind = "jwk" if said["method"] == "oidc" else "jwt-svid"
        yield member_status(sets, claim.value["key"], of_issuer, (kind, claim.value["thumbprint"]))

def roster_statuses(record, sets):
    claim = record.sections["attested"].get("approval_checks")
    if claim is None:
        return
    if claim.hidden:
        yield "skip"
    elif not is_list_of_items(claim.value):
        yield "fail"
    else:
        for item in claim.value:
            try:
                check_member(item["roster"])
            except ValueError:
                yield "fail"
                continue
            yield member_status(sets, item["roster"], ("allowed-signers", "approvers"), ("line", item["fingerprint"]))

def member_status(sets, member, wanted_set, identity):
    """Of a member that has its form, the rows of the table from the third on."""
    if not sets.are_known:
        return "skip"
    called = sets.newest.get((member["set"]["index"], member["set"]["leaf_hash"]))
    if called is None:
        return NOT_GIVEN
    there = sets.sets[called].members.get(member["claim_hash"])
    named = member["index"], member["leaf_hash"], member["claim"]
    if called != wanted_set or there is None or there[:3] != named:
        return "fail"
    if there.identity is None:
        return "skip"
    return "pass" if there.identity == identity else "fail"
