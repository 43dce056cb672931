"""The second verifier's part for vectors of what is made of claims: sets that are folded (section 12.1 of SPEC.md), and
evidence that covers subjects (section 13.2). What a file holds is said in `folds.rs` and `coverage.rs` of
`tests/blackbox/vectors`, which write them.
"""

from evidence import Subject, demand_equal_subjects
from package import read_digest
from sets import Sets, set_digest
from verify import read_record

MAX_LISTED = 300  # members in a vector

def made_again(vector):
    """The vector as this verifier makes it of what is given in it."""
    if "entries" in vector:
        return folded([(index, bytes.fromhex(record)) for index, record, _ in vector["entries"]])
    return covered(vector["subjects"], vector["evidence"])

# --- Section 12.1: sets
def folded(entries):
    sets = Sets()
    outcomes = [[index, record.hex(), sets.take(index, read_record(record))] for index, record in entries]
    in_force = [set_as_json(what, name, one) for (what, name), one in sorted(sets.sets.items())]
    return {"entries": outcomes, "known": sets.are_known, "sets": in_force}

def set_as_json(what, name, one):
    members = [[claim_hash.hex(), member.index, member.claim] for claim_hash, member in sorted(one.members.items())]
    index, leaf = one.last
    return {"what": what, "name": name, "set_digest": set_digest(one.members).hex(), "last": [index, leaf.hex()],
            "count": len(members), "members": members if len(members) <= MAX_LISTED else None}

# --- Section 13.2: subjects
def covered(subjects, evidence):
    digests = [as_digest_set(item) for item in evidence]
    missing = [[number, *pair] for number, subject in enumerate(subjects)
               for pair in missing_of(as_digest_set(subject), digests)]
    return {"subjects": subjects, "evidence": evidence, "missing": missing, "equal": are_equal(subjects, evidence)}

def as_digest_set(item):
    return set(item["digest"].items())

def missing_of(wanted, digests):
    """A subject is covered by one item, or isn't; then what the closest one lacks is said, the first of several."""
    return sorted(min((wanted - one for one in digests), key=len, default=wanted))

def are_equal(subjects, evidence):
    """As the lines of a statement would be about the one, and a claim `subject` about the other."""
    claim = [item | {"digest": read_digest(item["digest"])} for item in evidence]
    lines = [Subject(tuple(sorted(read_digest(item["digest"]).items())), item.get("uri"), item.get("name"))
             for item in subjects]
    try:
        demand_equal_subjects(lines, claim)
    except ValueError:
        return False
    return True
