"""The second verifier's part for sets: section 12.1 of SPEC.md, like verify.py written from SPEC.md alone.

It folds the sets of keys and persons that a log relied on from its entries of kind `trust`, and tells what a member is.
"""

import re
from collections import namedtuple
from dataclasses import dataclass, field
from datetime import datetime, timezone

from evidence import MEMBER_NAME, Ec, Ed, Rsa, read_member_jwk, read_roster_line, ssh_line, thumbprint
from package import json_text, read_json
from verify import KINDS, MAX_INTEGER, claim_fits, decode_base64, demand, sha256

MAX_PARTS = 256  # section 12.8, as are all limits below
MAX_MEMBERS_OF_SET = 4096
MAX_SETS_AND_MEMBERS = 65_536
MAX_DIGESTED = 67_108_864  # members that were hashed for `set_digest`s

# --- Changes, of which each part is an entry
# Of a member: the entry that added it, the claim's name, and what its text is of, or None where it is hidden.
Member = namedtuple("Member", "index leaf claim identity")
Set = namedtuple("Set", "last members", defaults=(None, {}))  # last: index and leaf hash; members by claim hash

@dataclass
class Change:
    same: dict  # what is the same in each part
    index: int  # of the last part so far
    part: int = 0
    added: dict = field(default_factory=dict)
    removed: set = field(default_factory=set)

def read_part(claims):
    """The value of `trust`, and the claims that are members."""
    demand("trust" in claims and claim_fits("trust", claims["trust"].value), "no claim of a change, or its type")
    trust = claims["trust"].value
    demand(1 <= trust["part"] <= trust["parts"] <= MAX_PARTS, "number of a part")
    demand("origin" not in trust.get("previous", {}), "previous is into another log")
    members = {name: claim for name, claim in claims.items() if re.fullmatch(MEMBER_NAME, name)}
    demand(list(members) == [f"m{number:02}" for number in range(1, len(members) + 1)], "a member is missing")
    removed = trust.get("removed", [])
    demand(all(one < next_ for one, next_ in zip(removed, removed[1:])), "removed ones don't ascend")
    demand(members or removed, "a part that changes nothing")
    return trust, members

# --- The fold
class Sets:
    """Takes entries in order of their indices."""

    def __init__(self):
        self.are_known, self.count, self.digested = True, 0, 0  # the count is of sets and members
        self.sets, self.newest = {}, {}  # by what and name; the index of a set's last part to what and name
        self.change = None

    def take(self, index, record):
        """What an entry of kind `trust` is to the sets; others are nothing to them."""
        claims = record.sections["submitted"]
        if KINDS.get(record.kind) != "trust":
            return None
        if not self.are_known or "trust" in claims and claims["trust"].hidden:
            return self.forget()
        change, self.change = self.change, None
        try:
            trust, members = read_part(claims)
            change = self.next_part(change, index, trust)
            self.add_part(change, sha256(b"\x00", record.entry), trust, members)
            if trust["part"] == trust["parts"]:
                return self.commit(change, sha256(b"\x00", record.entry))
        except ValueError:
            return "no change"  # and neither is what follows on it
        self.change = change
        return "part"

    def forget(self):
        self.are_known, self.sets, self.newest, self.change = False, {}, {}, None
        return "unknown"

    def next_part(self, change, index, trust):
        same = {name: value for name, value in trust.items() if name not in ("part", "removed")}
        if trust["part"] == 1:
            change = Change(same, index - 1)
        goes_on = change and (change.index, change.part, change.same) == (index - 1, trust["part"] - 1, same)
        demand(goes_on, "not the next part")
        change.index, change.part = index, trust["part"]
        return change

    def add_part(self, change, leaf, trust, members):
        removed = trust.get("removed", [])
        demand(change.removed.isdisjoint(removed), "removed twice")
        change.removed.update(removed)
        for name, claim in members.items():
            demand(claim.hash not in change.added, "added twice")
            identity = None if claim.hidden else identity_of(trust["what"], claim.value)
            change.added[claim.hash] = Member(change.index, leaf, name, identity)

    def commit(self, change, leaf):
        called = change.same["what"], change.same["name"]
        before = self.sets.get(called, Set())
        previous = change.same.get("previous")
        demand(before.last == (previous and (previous["index"], previous["leaf_hash"])), "not on the newest change")
        demand(change.removed <= before.members.keys(), "removes what isn't in the set")
        demand(before.members.keys().isdisjoint(change.added), "adds what is in the set")
        after = {one: member for one, member in before.members.items() if one not in change.removed} | change.added
        demand(len(after) <= MAX_MEMBERS_OF_SET, "set too large")
        self.digested += len(after)
        if self.digested > MAX_DIGESTED:
            return self.forget()
        demand(set_digest(after) == change.same["set_digest"], "set_digest")
        self.count += len(after) - len(before.members) + (called not in self.sets)
        if self.count > MAX_SETS_AND_MEMBERS:
            return self.forget()
        if before.last:
            del self.newest[before.last[0]]
        self.sets[called] = Set((change.index, leaf), after)
        self.newest[change.index] = called
        return "changed"

def set_digest(claim_hashes):
    return sha256(b"\x04", *sorted(claim_hashes))

# --- What a member's text is
def identity_of(what, text):
    """The kind of member, and a thumbprint, a certificate's digest or a roster's line."""
    try:
        demand(type(text) is str, "no text")
        if what == "allowed-signers":
            return "line", read_member_line(text)
        kind, _, rest = text.partition(" ") if what == "spiffe-bundle" else ("jwk", "", text)
        if kind == "x509-svid":
            return kind, sha256(decode_base64(rest))
        demand(kind in ("jwk", "jwt-svid") and what in ("jwks", "spiffe-bundle"), "kind of member")
        return kind, read_jwk_text(rest)
    except ValueError:
        return "nothing", None

JWK_NAMES = {Rsa: "alg e kid kty n", Ec: "alg crv kid kty x y", Ed: "alg crv kid kty x"}

def read_jwk_text(text):
    """Section 12.3: the thumbprint of a JWK as it is written as a member."""
    jwk = read_json(text.encode())
    demand(type(jwk) is dict, "no JWK")
    key = read_member_jwk(jwk)
    demand(list(jwk) == JWK_NAMES[type(key)].split() and json_text(jwk) == text, "not as a JWK is written")
    return thumbprint(key)

def read_member_line(text):
    """Section 12.6: a roster's line as it is written as a member."""
    principals = text.split(" ")[0]
    _, line = read_roster_line(text.split(" "))
    options = [f'namespaces="{",".join(sorted(line.namespaces))}"'] if line.namespaces else []
    options += [f'valid-after="{roster_digits(line.start)}"'] if line.start else []
    options += [f'valid-before="{roster_digits(line.end)}"'] if line.end < MAX_INTEGER else []
    words = [principals, ",".join(options), ssh_line(line.key)]
    demand(" ".join(filter(None, words)) == text, "not as a line is written")
    return line

def roster_digits(time_ms):
    return f"{datetime.fromtimestamp(time_ms // 1000, timezone.utc):%Y%m%d%H%M%SZ}"
