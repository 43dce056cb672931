"""The second verifier's part for evidence in packages: what section 12.7 of SPEC.md says of them, and like verify.py
written from SPEC.md alone. What is checked of one record is in evidence.py.
"""

from collections import OrderedDict

from evidence import (
    COVERED, ApprovalEntry, approval_checks, check_member, demand_holds, fingerprint, hides, is_list_of_items,
    promotion_checks, read_own_approval, read_workload, workload_checks)
from sets import Set, Sets
from verify import KINDS, sha256

MAX_APPROVAL_ENTRIES = 4096  # section 12.8
BY_LOG_OR_ADMIN = {"genesis", "trust", "erasure", "refusal", "rotation", "hold", "release"}  # section 4.2

CHECKS = ["workload-form", "workload-bound", "approval-form", "approval-signed", "approval", "members"]
NOT_GIVEN = "not given"  # of `members`, until it is known whether all entries are here

class PackagedEvidence:
    """What is found while the records are read."""

    def __init__(self, origin, given):
        self.origin, self.given = origin, given
        self.found = {name: set() for name in CHECKS}  # statuses
        self.approvals = OrderedDict()  # index: leaf hash and ApprovalEntry
        self.sets = Sets()

    def look_at(self, index, record):
        workload, own = read_workload(record, self.origin), read_own_approval(record, self.origin)
        is_required = self.given.requires_bound and KINDS.get(record.kind) not in BY_LOG_OR_ADMIN
        self.add(workload_checks(record, workload, self.given, is_required))
        self.add(own_approval_checks(record, own, self.given))
        # Those that a promotion refers to are before it.
        self.add(("approval", status) for _, status in promotion_checks(record, self.origin, self.given, self.entry_at))
        if KINDS.get(record.kind) == "approval":
            self.keep_approval(index, record, own)
        # Sets are those below the entry, but unknown from this entry on.
        statuses = list(member_statuses(record, workload, self.sets))
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
        # Of an approval in words of its own nothing is read but these.
        is_hidden = hides(record.sections["submitted"], ("approval", *COVERED) if own else ("approval",))
        status, approval = own or ("fail", None)
        entry = ApprovalEntry(record.time_ms, is_hidden, status, approval)
        self.approvals[index] = sha256(b"\x00", record.entry), entry

    def entry_at(self, index, leaf):
        there, entry = self.approvals.get(index, (None, None))
        return entry if there == leaf else None

    def checks(self, of_records, wanted):
        """Behind the other checks; `wanted` is the manifest's range."""
        required = self.given.requires_bound
        if of_records["records"] != "pass":
            return [("workload-bound", "fail")] if required else []
        is_whole = of_records["completeness"] == "pass" and wanted["start"] == 0
        plain = {NOT_GIVEN: "fail" if is_whole else "skip"}
        listed = {name: {plain.get(one, one) for one in statuses} for name, statuses in self.found.items()
                  if statuses or required and name == "workload-bound"}
        return [(name, next((one for one in ("fail", "warn", "pass") if one in statuses), "skip"))
                for name, statuses in listed.items()]

def own_approval_checks(record, own, given):
    """What a submitter alone says makes no package untrue."""
    is_attested = "approval_checks" in record.sections["attested"]
    return [(name, "warn" if status == "fail" and not is_attested else status)
            for name, status in approval_checks(record, own, given)]

# --- The check `members`
def member_statuses(record, workload, sets):
    claims = record.sections["attested"]
    if "workload_evidence" in claims:
        yield key_status(claims["workload_evidence"], workload, sets)
    if "approval_checks" in claims:
        yield from roster_statuses(record, claims["approval_checks"], sets)

def key_status(claim, workload, sets):
    form, evidence = workload
    if form != "pass":
        return "skip"
    method, issuer = evidence.workload["method"], evidence.workload["issuer"]
    relied_on = ("jwks", issuer) if method == "oidc" else ("spiffe-bundle", issuer.removeprefix("spiffe://"))
    if method == "x509-svid":
        return member_status(sets, claim.value["bundle"], relied_on, ("x509-svid", claim.value["ca"]).__eq__)
    wanted = "jwk" if method == "oidc" else "jwt-svid", claim.value["thumbprint"]
    return member_status(sets, claim.value["key"], relied_on, wanted.__eq__)

def roster_statuses(record, claim, sets):
    if claim.hidden:
        return ["skip"]
    if not is_list_of_items(claim.value):
        return ["fail"]
    return [roster_status(record, item, sets) for item in claim.value]

def roster_status(record, item, sets):
    def is_relied_on(identity):
        kind, line = identity
        if kind != "line" or (line.id, fingerprint(line.key.blob)) != (item["signer"], item["fingerprint"]):
            return False
        return holds(demand_holds, line, record.time_ms)

    if not holds(check_member, item["roster"]):
        return "fail"
    return member_status(sets, item["roster"], ("allowed-signers", "approvers"), is_relied_on)

def holds(demand_it, *of):
    try:
        demand_it(*of)
    except ValueError:
        return False
    return True

def member_status(sets, member, relied_on, is_relied_on):
    """The rows of the table, from that of unknown sets on."""
    if not sets.are_known:
        return "skip"
    at, leaf = member["set"]["index"], member["set"]["leaf_hash"]
    if sets.newest.get(at, relied_on) != relied_on:
        return "fail"
    last, members = sets.sets.get(relied_on, Set())
    if last is None or last[0] < at:
        return NOT_GIVEN
    there = members.get(member["claim_hash"])
    added_by = member["index"], member["leaf_hash"], member["claim"]
    if last != (at, leaf) or there is None or there[:3] != added_by:
        return "fail"
    if there.identity is None:
        return "skip"
    return "pass" if is_relied_on(there.identity) else "fail"
