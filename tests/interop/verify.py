#!/usr/bin/env python3
"""A second verifier of provlog receipts and packages, written from SPEC.md alone.

Its worth is its independence: it shares no code with the Rust verifier, so where the two disagree about a test vector,
SPEC.md is ambiguous or one of them is wrong. It keeps close to the text rather than being fast; "section" in a comment
is one of SPEC.md. It needs Python 3.11 and the package `cryptography`, the latter for nothing but signatures. What is
only of packages is in package.py, what is of evidence in evidence.py, packaged.py and sets.py; derived.py is for the
vectors of folds and coverage, which are files and no folders.

    verify.py RECEIPT --trust FILE [--expect submitted.model.name=x]... [--subject ALG:HEX]... [--prompt ALG:HEX]...
              [--issuer-keys ISSUER=FILE]... [--bundle DOMAIN=FILE]... [--roster FILE] [--require-bound]
    verify.py PACKAGE ...               (a folder, or a file whose name ends in .zip; all the same but expectations)
    verify.py --vectors DIR

Exit codes are those of section 8: 0 verified, 3 not proven, 5 untrusted, 8 malformed; and 2 if there was no judging a
receipt because the command line or the trust file is refused. With --vectors: 0 if all vectors agree, otherwise 1.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from collections import namedtuple
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_INTEGER = 2**53 - 1  # section 9, as are all limits below
MAX_RECORD_DEPTH = 11
MAX_NOTE = 114_688

def demand(condition, complaint):
    """Whatever has not the form that SPEC.md gives it ends as a ValueError, which Python's own decoders raise too."""
    if not condition:
        raise ValueError(complaint)

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

# --- Section 1: the CBOR profile
class Reader:
    """Reads items from CBOR bytes and refuses all that is outside of the profile."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        demand(count <= len(self.data) - self.at, "CBOR ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def head(self):
        """Major type and argument. Only the shortest form passes; 28 to 31 are reserved or indefinite lengths."""
        first = self.take(1)[0]
        major, low = first >> 5, first & 31
        if low < 24:
            return major, low
        demand(low < 28, "reserved or indefinite head")
        width = 1 << (low - 24)
        argument = int.from_bytes(self.take(width))
        # Must not fit into the next shorter form, which for a single byte is the head itself.
        demand(argument >= (24 if width == 1 else 1 << (4 * width)), "head is not the shortest")
        return major, argument

    def item(self, depth):
        """One item that nests at most `depth` deep; so the recursion is bounded, whatever the input."""
        start = self.at
        major, argument = self.head()
        if major in (0, 1):
            value = argument if major == 0 else -1 - argument
            demand(abs(value) <= MAX_INTEGER, "integer out of range")
            return value
        if major in (2, 3):
            return self.take(argument) if major == 2 else self.take(argument).decode("utf-8")
        if major in (4, 5):
            demand(depth >= 1, "nested too deep")
            # No need to check the count: every item takes a byte at least, so a huge one just runs out of data.
            return [self.item(depth - 1) for _ in range(argument)] if major == 4 else self.map(argument, depth - 1)
        constants = {b"\xf4": False, b"\xf5": True, b"\xf6": None}
        demand(self.data[start : self.at] in constants, "tag, float, undefined or other simple value")
        return constants[self.data[start : self.at]]

    def map(self, count, depth):
        result, previous = {}, b""  # no key is encoded as nothing, so b"" comes before all
        for _ in range(count):
            start = self.at
            name = self.item(0)
            encoded = self.data[start : self.at]
            demand(isinstance(name, str), "map key is not text")
            demand(previous < encoded, "map keys out of order or equal")
            previous, result[name] = encoded, self.item(depth)
        return result

# --- Section 3: record, entry, claims
CLAIM_NAME = "[a-z][a-z0-9_-]{0,63}"
Claim = namedtuple("Claim", "hash hidden value")
# The defaults are those of an unknown version, section 3.4.
Record = namedtuple("Record", "entry kind time_ms digests sections", defaults=(None, None, (), {}))

def read_record(data):
    """The steps of section 3.4, in its order."""
    demand(len(data) <= 48_000, "record too long")
    reader = Reader(data)
    items = reader.item(MAX_RECORD_DEPTH)
    demand(reader.at == len(data), "bytes after the record")
    demand(isinstance(items, list) and len(items) == 3 and isinstance(items[0], bytes), "not a record")
    entry = items[0]
    if entry[:1] == b"\x85" and 0x02 <= int.from_bytes(entry[1:2]) <= 0x17:
        return Record(entry)
    kind, time_ms, digests = read_entry(entry)
    demand(isinstance(items[1], dict) and isinstance(items[2], dict), "a section is not a map")
    return Record(entry, kind, time_ms, digests, read_sections(data))

def read_entry(entry):
    """Section 3.3."""
    reader = Reader(entry)
    items = reader.item(1)
    demand(reader.at == len(entry) == 80, "entry is not of 80 bytes")
    demand(isinstance(items, list) and [type(i) for i in items] == [int, int, int, bytes, bytes], "not an entry")
    version, kind, time_ms, *digests = items
    demand(version == 1 and 0 <= kind <= 23 and 2**32 <= time_ms <= MAX_INTEGER, "version, kind or time of an entry")
    demand(all(len(digest) == 32 for digest in digests), "section digest is not of 32 bytes")
    return kind, time_ms, digests

def read_sections(data):
    """Goes through a well-formed record a second time, because claim hashes need the bytes as received."""
    reader = Reader(data)
    reader.head()
    reader.item(0)
    sections, counted = {}, len(data)
    for section in ("submitted", "attested"):
        _, count = reader.head()
        demand(count <= 64, "too many claims in a section")
        claims = sections[section] = {}
        for _ in range(count):
            name = reader.item(0)
            demand(re.fullmatch(CLAIM_NAME, name), "claim name")
            start = reader.at
            value = reader.item(MAX_RECORD_DEPTH)
            encoded = data[start : reader.at]
            claims[name] = read_claim(value, encoded)
            counted += max(0, 34 - len(encoded))  # section 3.2: as long at least as if it were hidden
    demand(counted <= 48_000, "record too long if its claims were hidden")
    return sections

def read_claim(value, encoded):
    """Section 3.1. The value's depth of at most 8 is implied: record, section and claim are the other 3 of 11."""
    if isinstance(value, bytes):
        demand(len(value) == 32, "claim hash is not of 32 bytes")
        return Claim(value, True, None)
    demand(isinstance(value, list) and len(value) == 2, "claim is neither a hash nor [salt, value]")
    demand(isinstance(value[0], bytes) and len(value[0]) == 16, "salt is not of 16 bytes")
    demand(len(encoded) <= 16_384, "claim too long")
    return Claim(sha256(b"\x02", encoded), False, value[1])

def section_digest(section_byte, kind, claims):
    """Section 2. `claims` is in map order, because the reader refuses any other."""
    parts = [bytes([3, section_byte, kind])]
    for name, claim in claims.items():
        parts += [bytes([len(name)]), name.encode(), claim.hash]
    return sha256(*parts)

# --- Section 4: known kinds, types of claims
# A type is Python data, as near to the CDDL as it goes: a dict is a map of exactly these members, "?" marking optional
# ones; [t] is an array, [n, t] one of at least n; a tuple holds alternatives; a text, a number or None is itself; str,
# int and bool are Python's types; and any other function decides for itself.

KINDS = dict(enumerate("genesis generation scan approval promotion policy trust erasure withdrawal credential "
                       "revocation refusal hold release rotation".split())) | {22: "event"}

def fits(wanted, value):
    """Whether `value` is of type `wanted`. Recursion ends with the value, which is at most 8 deep."""
    if isinstance(wanted, type):
        return type(value) is wanted  # exactly, because a bool is an int as well
    if callable(wanted):
        return wanted(value)
    if isinstance(wanted, tuple):
        return any(fits(alternative, value) for alternative in wanted)
    if isinstance(wanted, list):
        least, item_type = wanted if len(wanted) == 2 else (0, wanted[0])
        return isinstance(value, list) and len(value) >= least and all(fits(item_type, item) for item in value)
    if isinstance(wanted, dict):
        types = {name.removeprefix("?"): member for name, member in wanted.items()}
        required = {name for name in wanted if not name.startswith("?")}
        return isinstance(value, dict) and required <= value.keys() <= types.keys() and all(
            fits(types[name], item) for name, item in value.items())
    return type(value) is type(wanted) and value == wanted

uint53 = lambda value: type(value) is int and value >= 0  # the CBOR reader has checked the range
string = lambda value: type(value) is str and value != ""  # and shorter than its claim, which has been checked
octets = lambda *lengths: lambda value: type(value) is bytes and len(value) in lengths
x_value = lambda value: fits((int, str, bool, None, [x_value]), list(value.values()) if type(value) is dict else value)
digest = lambda value: value != {} and fits(DIGEST, value)
one_or_several = lambda one: (one, [2, one], ABSENT)
# "A map with the key `absent` is always the type `absent`", so no free map has it; below x- names nothing has a type.
free_map = lambda member, least=0: lambda value: type(value) is dict and len(value) >= least and all(
    string(name) and name != "absent" and fits(member, item) for name, item in value.items())

def members(names, **typed):
    """A map's type: names of string members, "?" marking optional ones; then others, for which "_" at the end does."""
    others = {f"?{name[:-1]}" if name.endswith("_") else name: member for name, member in typed.items()}
    return dict.fromkeys(names.split(), string) | others

DIGEST = {f"?{name}": octets(32) for name in ("sha256", "sha512_256", "sha3_256", "dirHash")}
DIGEST |= {"?sha384": octets(48), "?sha512": octets(64), "?blake2b": octets(64)}
DIGEST |= {f"?{name}": octets(20, 32) for name in ("gitCommit", "gitTree", "gitBlob", "gitTag")}

ABSENT = members("?note", absent=("not_recorded", "not_applicable", "withheld"))
PRINCIPAL = members("id ?name", kind_=("human", "bot", "unknown"))
REFERENCE = members("?origin", index=uint53, leaf_hash=octets(32))
MODEL = one_or_several(members("name", provider=(string, ABSENT), version=(string, ABSENT), parameters_digest_=digest))
PROMPT_HASH = one_or_several(digest)
APPROVAL = members("method ?statement ?signature ?key ?nonce",
                   approver=PRINCIPAL, approved_at_ms_=uint53, expires_at_ms_=uint53)
SCAN = members("", tool=members("name version"), target=digest, verdict=("pass", "fail", "error"),
               counts_=free_map(uint53), ruleset_digest_=digest, report_digest_=digest)
MEMBER = members("claim", index=uint53, leaf_hash=octets(32), claim_hash=octets(32), set=REFERENCE)
some_bytes = lambda value: type(value) is bytes and value != b""
CLAIM_TYPES = {
    "subject": [1, members("?name ?uri", digest=digest)],
    "model": MODEL, "prompt_hash": PROMPT_HASH,
    "agent": one_or_several(members("name ?version", configuration_digest_=digest)),
    "session": one_or_several(members("id ?parent ?uri")),
    "context": ([members("?name ?uri", digest=digest)], ABSENT),
    "human_involvement": (members("", level=("none", "prompted", "reviewed", "edited"), by_=[1, PRINCIPAL]), ABSENT),
    "tools": [members("name ?version")], "permissions": [string],
    "intent": (members("id purpose ?ticket", requester_=PRINCIPAL, scope_=free_map([string]),
                       expires_at_ms_=uint53), ABSENT),
    "approval": APPROVAL, "approvals": ([(REFERENCE, APPROVAL)], ABSENT),
    "generations": [1, (REFERENCE, members("", model=MODEL, prompt_hash=PROMPT_HASH))],
    "policy_text": string, "environment": string, "type": string, "occurred_at_ms": uint53,
    "decision": members("", outcome=("allow", "deny", "observed"), reasons_=[string]),
    "scan": SCAN, "scans": [(REFERENCE, SCAN)],
    "credential": members("issuer ?audience ?intent", id_digest=digest, issued_at_ms=uint53, expires_at_ms=uint53,
                          scopes_=[string]),
    "dependencies": [members("purl", change=("added", "changed", "removed"), integrity_=digest, resolved_=digest,
                             install_script_=bool)],
    "exception": members("reason", approved_by=PRINCIPAL, expires_at_ms_=uint53),
    "authors": [1, PRINCIPAL], "operator": PRINCIPAL,
    "run": members("id ?uri", attempt_=uint53), "correlation": (free_map(str, least=1), ABSENT),
    "policy": (members("name version", digest=digest), ABSENT),
    "attachments": [1, members("mediaType", digest=digest, size=uint53)],
    "workload": members(
        "?id ?issuer ?audience", method=("none", "log", "static-token", "oidc", "jwt-svid", "x509-svid", "peer"),
        claims_=free_map(str), token_digest_=digest, verified_at_ms_=uint53,
        binding_=("bearer", "statement")),
    "observed": members("", digest=digest, count=uint53, outside=[string]),
    "withdraws": (REFERENCE, members("", statement=octets(32))), "withdrawal_reason": string,
    "withdrawal": members("", by=("signer", "admin")),
    "workload_evidence": (
        members("token", format="jwt", key=MEMBER, thumbprint=octets(32)),
        members("", format="x509-svid", chain=[1, some_bytes], signature=some_bytes, bundle=MEMBER, ca=octets(32))),
    "approval_checks": [1, members("signer fingerprint", at=uint53, statement=octets(32), roster=MEMBER,
                                   presence_=bool, verification_=bool)],
    "activation": members("language engine", environments=[1, string], publish=uint53, approvals_=[REFERENCE],
                          previous_=REFERENCE),
    "gate": members("engine", outcome=("allow", "deny"), policy=REFERENCE, as_of=uint53, at_ms=uint53,
                    determining=[string], reasons=[string], expires_at_ms_=uint53, override_=bool),
    "facts": octets(32),
    "trust": members("name", what=("jwks", "spiffe-bundle", "allowed-signers", "promotion-key"), set_digest=octets(32),
                     previous_=REFERENCE, part=uint53, parts=uint53, removed_=[octets(32)], source_=octets(32),
                     approvals_=[REFERENCE]),
    "erases": members("reason legal_basis", target=REFERENCE, claims=[
        1, members("name", section=("submitted", "attested"), claim_hash=octets(32))]),
    "refusal": members("code", count=uint53, from_ms=uint53, to_ms=uint53, submitted_digest_=octets(32)),
    "hold": members("id reason ?authority", ranges=[1, members("", start=uint53, end=uint53)]),
    "rotation": members("previous next reason", signature=octets(64)),
    **{f"m{number:02}": string for number in range(1, 61)},
    "log": members("origin key", id=octets(16), format=1,
                   predecessor_=members("origin reason", size=uint53, root=octets(32))),
}

def claim_fits(name, value):
    """By the claim's name, in every kind and section. Names that the table doesn't have have no type (section 4.1)."""
    return x_value(value) if name.startswith("x-") else name not in CLAIM_TYPES or fits(CLAIM_TYPES[name], value)

def digests_agree(one, other):
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[algorithm] == other[algorithm] for algorithm in shared)

# --- Section 5: base64, decimals, Ed25519, verifier keys
def decode_base64(encoded):
    """Python's decoder lets spare bits and more pass; encoding again and comparing leaves only the one strict form."""
    data = base64.b64decode(encoded, validate=True)
    demand(base64.b64encode(data).decode() == encoded, "base64 is not in its strict form")
    return data

def decode_decimal(digits):
    demand(re.fullmatch(r"0|[1-9][0-9]{0,15}", digits) and int(digits) <= MAX_INTEGER, "decimal")
    return int(digits)

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
# The y coordinates of points of small order: 1 and -1 (orders 1 and 2), 0 (order 4), Y8 and -Y8 (order 8). A point of
# order 8 doubled must give y = 0, so Y8 is a root of d y^4 + 2 y^2 - 1, whose other two are not in the field.
D = -121665 * pow(121666, -1, P) % P
Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
assert (D * Y8**4 + 2 * Y8**2 - 1) % P == 0
SMALL_ORDER_YS = {0, 1, P - 1, Y8, P - Y8}

def is_usable_key(public):
    """The key part of section 5: x^2 = (y^2 - 1) / (d y^2 + 1) has a root, by Euler's criterion."""
    y = int.from_bytes(public, "little") & (2**255 - 1)
    d = -121665 * pow(121666, -1, P)
    square = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
    return y < P and y not in SMALL_ORDER_YS and pow(square, (P - 1) // 2, P) == 1

def ed25519_verifies(key, signature, message):
    """Left to the library is the equation, which it checks without cofactor and comparing encodings, as it must. That
    comparison refuses every R that is not canonical, too; and a key that is no point of the curve never verifies."""
    # Without the sign bit: with any sign, the y of a point of small order has no point of another order.
    ys = [int.from_bytes(point, "little") & (2**255 - 1) for point in (key.public, signature[:32])]
    s_below_order = int.from_bytes(signature[32:], "little") < L
    if len(signature) != 64 or not s_below_order or any(y >= P or y in SMALL_ORDER_YS for y in ys):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        return False
    return True

# --- Section 6: notes, checkpoints, cosignatures
Key = namedtuple("Key", "name id public")
Checkpoint = namedtuple("Checkpoint", "text lines origin size root")  # lines of ((name, id), signature)
ORIGIN = re.compile(r"[A-Za-z0-9._~:/-]{1,255}")

def check_key_name(name):
    # Python's \s has all of Unicode's white space; the ranges are its control characters.
    demand(re.fullmatch(r"[^\s+\x00-\x1f\x7f-\x9f]+", name) and len(name.encode()) <= 255, "key name")

def read_checkpoint(note):
    demand(len(note.encode()) <= MAX_NOTE, "note too long")
    demand(not any(c < " " and c != "\n" for c in note), "control character in a note")
    text, empty_line, signatures = note.rpartition("\n\n")
    demand(empty_line and signatures.endswith("\n"), "no signatures, or no final newline")
    lines = [read_signature_line(line) for line in signatures[:-1].split("\n")]
    demand(len(lines) <= 32, "too many signature lines")
    origin, size, root = text.split("\n")
    root = decode_base64(root)
    demand(ORIGIN.fullmatch(origin) and len(root) == 32, "origin, or root is not of 32 bytes")
    return Checkpoint(f"{text}\n".encode(), lines, origin, decode_decimal(size), root)

def read_signature_line(line):
    dash, name, encoded = line.split(" ")
    check_key_name(name)
    data = decode_base64(encoded)
    demand(dash == "\N{EM DASH}" and len(data) >= 5, "signature line")
    return (name, data[:4]), data[4:]

def cosignature_verifies(key, data, text):
    time = int.from_bytes(data[:8])
    return time < 2**63 and ed25519_verifies(key, data[8:], b"cosignature/v1\ntime %d\n" % time + text)

def results_by(key, checkpoint, verifies):
    """For each line by the key, which goes by name and id both, whether it verifies."""
    return [verifies(key, data, checkpoint.text) for by, data in checkpoint.lines if by == (key.name, key.id)]

# --- Section 7: receipts, proofs, trust files
def read_receipt(data):
    demand(len(data) <= 184_320, "receipt too long")
    # The first empty line ends the proof; the note after it has another one.
    head, _, note = data.decode("utf-8").partition("\n\n")
    first, extra, index, *hashes = head.split("\n")
    demand(first == "c2sp.org/tlog-proof@v1", "first line")
    demand(extra.startswith("extra ") and index.startswith("index "), "no extra line, or no index line")
    proof = [decode_base64(line) for line in hashes]
    demand(len(proof) <= 63 and all(len(node) == 32 for node in proof), "too many hashes, or one not of 32 bytes")
    record = read_record(decode_base64(extra.removeprefix("extra ")))
    return record, decode_decimal(index.removeprefix("index ")), proof, read_checkpoint(note)

class Trust:
    def __init__(self, data):
        self.log, self.quorum = None, None
        self.witnesses, self.groups = {}, {}  # name -> Key, name -> (least, members); in the file's order
        self.names, self.members, self.publics = {"none"}, {"none"}, set()  # "none" is no name to define, nor a member
        demand(len(data) <= 65_536, "trust file too long")
        text = data.decode("utf-8")
        demand(not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), "control character")  # C2SP, "Character set"
        for line in text.split("\n"):
            words = re.findall(r"[^ \t]+", line)
            if words and not words[0].startswith("#"):
                self.read_line(words)
        demand(self.log and self.quorum, "no log line, or no quorum line")

    def read_line(self, words):
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                demand(self.log is None, "second log")
                self.log = self.read_vkey(vkey, 0x01)
                demand(ORIGIN.fullmatch(self.log.name), "log's name is not an origin")
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self.define(self.witnesses, name, self.read_vkey(vkey, 0x04))
            case ["group", name, least, *members] if members:
                self.define(self.groups, name, self.read_group(least, members))
            case ["quorum", name]:
                demand(self.quorum is None and name in self.names, "second quorum, or one that is not defined")
                self.quorum = name
            case _:
                raise ValueError("not a line of a trust file")

    def read_vkey(self, vkey, wanted_type):
        """Section 5."""
        name, key_id, encoded = vkey.split("+", 2)  # names have no plus sign, but base64 may
        check_key_name(name)
        material = decode_base64(encoded)
        demand(len(material) == 33 and material[0] == wanted_type, "vkey: type or length")
        # The id is not free: C2SP derives it from all the rest, for both types.
        demand(sha256(name.encode(), b"\n", material)[:4].hex() == key_id, "vkey: id is not that of the key")
        demand(is_usable_key(material[1:]), "vkey: not canonical, of small order, or not on the curve")
        demand(material[1:] not in self.publics, "one public key in two places")
        self.publics.add(material[1:])
        return Key(name, bytes.fromhex(key_id), material[1:])

    def define(self, names, name, meaning):
        demand(name not in self.names and len(self.names) <= 256, "name is taken, or one too many")
        self.names.add(name)
        names[name] = meaning

    def read_group(self, least, members):
        for name in members:
            demand(name in self.names and name not in self.members, "member is not defined, or is one already")
            self.members.add(name)
        number = 1 if least == "any" else len(members) if least == "all" else decode_decimal(least)
        demand(1 <= number <= len(members), "group's number")
        return number, members

    def quorum_reached(self, cosigned):
        """`cosigned` has names of witnesses. Members are defined before their group, so one pass decides all groups."""
        reached = set(cosigned)
        for name, (least, members) in self.groups.items():
            if len(reached.intersection(members)) >= least:
                reached.add(name)
        return self.quorum in reached

# --- Section 8: verification
MALFORMED = {"verdict": "malformed", "exit": 8, "checks": [{"name": "format", "status": "fail"}]}

def verify(data, trust, expectations, given):
    """The object of section 8.1. `given` is what the reader gave for the checks of section 12.7."""
    import evidence  # not above, because it imports this file
    try:
        record, index, proof, checkpoint = read_receipt(data)
    except ValueError:
        return MALFORMED
    trusting = trust_checks(checkpoint, trust)
    checks = [("format", "pass"), *trusting, *record_checks(record)]
    checks += inclusion_checks(record.entry, index, proof, checkpoint)
    checks += warnings(record) + expectation_checks(record, expectations)
    checks += evidence.evidence_checks(record, checkpoint, given)
    return judge(checks, trusting)

def judge(checks, trusting):
    """The verdict, where `trusting` are those of the checks that are of class 5."""
    word, code = "verified", 0
    if any(status == "fail" for _, status in trusting):
        word, code = "untrusted", 5
    elif any(status in ("fail", "not disclosed") for _, status in checks):
        word, code = "not proven", 3
    return {"verdict": word, "exit": code, "checks": [{"name": name, "status": status} for name, status in checks]}

def passes(condition):
    return "pass" if condition else "fail"

def trust_checks(checkpoint, trust):
    by_log = results_by(trust.log, checkpoint, ed25519_verifies)
    by_witness = {name: results_by(key, checkpoint, cosignature_verifies) for name, key in trust.witnesses.items()}
    cosigned = {name: results for name, results in by_witness.items() if results}
    reached = trust.quorum_reached(name for name, results in cosigned.items() if all(results))
    return [
        ("origin", passes(checkpoint.origin == trust.log.name)),
        ("log-signature", passes(by_log and all(by_log))),
        ("cosignatures", passes(all(map(all, cosigned.values()))) if cosigned else "skip"),
        ("quorum", "skip" if trust.quorum == "none" else passes(reached)),
    ]

def record_checks(record):
    if record.kind is None:
        return [("entry-version", "fail"), ("submitted-digest", "skip"), ("attested-digest", "skip")]
    recomputed = [section_digest(n, record.kind, claims) for n, claims in enumerate(record.sections.values())]
    submitted, attested = (passes(one == other) for one, other in zip(recomputed, record.digests))
    return [("entry-version", "pass"), ("submitted-digest", submitted), ("attested-digest", attested)]

def inclusion_checks(entry, index, proof, checkpoint):
    """RFC 9162, section 2.1.3.2, with its shifts worked out beforehand: up to where the paths of this leaf and of the
    last one join, every level has a hash; from there on the path is the tree's right border, which has a hash only
    where it has a sibling, always to the left."""
    size = checkpoint.size
    below = (index ^ (size - 1)).bit_length()
    if index >= size:
        return [("index", "fail"), ("proof-length", "skip"), ("root", "skip")]
    if len(proof) != below + (index >> below).bit_count():
        return [("index", "pass"), ("proof-length", "fail"), ("root", "skip")]
    node = sha256(b"\x00", entry)
    for level, sibling in enumerate(proof):
        is_right = level >= below or index >> level & 1
        node = sha256(b"\x01", sibling, node) if is_right else sha256(b"\x01", node, sibling)
    return [("index", "pass"), ("proof-length", "pass"), ("root", passes(node == checkpoint.root))]

def warnings(record):
    if record.kind is None:
        return []
    checks = [("kind", "pass" if record.kind in KINDS else "warn")]
    for section, claims in record.sections.items():
        misfits = [name for name, claim in claims.items() if not claim.hidden and not claim_fits(name, claim.value)]
        checks += [(f"claim-type:{section}.{name}", "warn") for name in misfits]
    return checks

def read_expectation(given):
    """One item of expectations.json (section 8.1), as the name of its check and what it wants."""
    if isinstance(given, str):
        place, equals, wanted = given.partition("=")
        demand(equals and re.fullmatch(rf"(submitted|attested)\.{CLAIM_NAME}(\.[^.]+)*", place), f"expectation {given}")
        return f"expect:{place}", wanted
    [(name, hexes)] = given.items()
    wanted = {algorithm: bytes.fromhex(value) for algorithm, value in hexes.items()}
    demand(hexes == {algorithm: value.hex() for algorithm, value in wanted.items()}, "digest is not in lowercase hex")
    demand(name in ("subject", "prompt") and digest(wanted), f"expectation {given}")
    return name, wanted

def expectation_checks(record, expectations):
    checks = [(name, expectation_status(record, name, wanted)) for name, wanted in expectations]
    return checks if any(name == "subject" for name, _ in checks) else [("subject", "skip"), *checks]

def expectation_status(record, name, wanted):
    section, claim_name, *path = {"subject": "submitted.subject", "prompt": "submitted.prompt_hash"}.get(
        name, name.removeprefix("expect:")).split(".")
    claim = record.sections.get(section, {}).get(claim_name)
    if claim is None or not (claim.hidden or claim_fits(claim_name, claim.value)):
        return "fail"
    if claim.hidden:
        return "not disclosed"
    if name == "subject":
        return passes(any(digests_agree(subject["digest"], wanted) for subject in claim.value))
    if name == "prompt":
        # One digest or several; the type `absent` agrees with nothing, as it has no algorithm among its members.
        hashes = claim.value if isinstance(claim.value, list) else [claim.value]
        return passes(any(digests_agree(one, wanted) for one in hashes))
    return passes(text_at(path, claim.value) == wanted)

def text_at(path, value):
    """The text of the scalar that the path leads to, or None if it leads to none."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step, {})  # a map is no scalar either
        elif isinstance(value, list) and re.fullmatch(r"0|[1-9][0-9]{0,4}", step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    if isinstance(value, (list, dict)):
        return None
    return value if isinstance(value, str) else value.hex() if isinstance(value, bytes) else json.dumps(value)

# --- Command line
def is_package(path):
    return path.is_dir() or path.suffix == ".zip"

def verify_path(path, trust, expectations, given):
    if is_package(path):
        import package  # not above, because it imports this file
        return package.verify_package(path, trust, given)
    return verify(path.read_bytes(), trust, expectations, given)

def vector_agrees(path):
    if path.is_dir():
        got, wanted = verdicts(path)
    else:
        import derived  # not above, because it imports this file
        wanted = json.loads(path.read_bytes())
        got = derived.made_again(wanted)
    if got != wanted:
        differing = [name for name in wanted if got.get(name) != wanted[name]]
        for whose, one in (("vector", wanted), ("verify.py", got)):
            print(f"{path.name}, {whose}: {json.dumps({name: one.get(name) for name in differing})}")
    return got == wanted

def verdicts(folder):
    """This verifier's, and the vector's."""
    import evidence
    file = folder / "expectations.json"
    expectations = [read_expectation(item) for item in json.loads(file.read_bytes())] if file.exists() else []
    trust = Trust((folder / "trust.tlog-policy").read_bytes())
    [path] = [folder / name for name in ("receipt.tlog-proof", "package", "package.zip") if (folder / name).exists()]
    got = verify_path(path, trust, expectations, evidence.read_given(folder))
    return got, json.loads((folder / "verdict.json").read_bytes())

def main():
    parser = argparse.ArgumentParser(description="Verifies a provlog receipt or package by SPEC.md.")
    parser.add_argument("path", nargs="?", type=Path, metavar="RECEIPT|PACKAGE")
    parser.add_argument("--trust", type=Path)
    parser.add_argument("--vectors", type=Path, metavar="DIR")
    # One list for all three, because their checks are listed in the order given.
    expectation = {"dest": "expectations", "action": "append", "default": []}
    parser.add_argument("--expect", metavar="SECTION.CLAIM.PATH=VALUE", **expectation)
    for name in ("subject", "prompt"):
        as_item = lambda text, name=name: {name: dict([text.split(":", 1)])}  # one of expectations.json
        parser.add_argument(f"--{name}", metavar="ALG:HEX", type=as_item, **expectation)
    for name, what in (("issuer-keys", "ISSUER"), ("bundle", "DOMAIN")):
        as_pair = lambda text: text.rsplit("=", 1) if "=" in text else parser.error(f"{text} has no =")
        parser.add_argument(f"--{name}", metavar=f"{what}=FILE", type=as_pair, action="append", default=[])
    parser.add_argument("--roster", type=Path)
    parser.add_argument("--require-bound", dest="require", action="store_const", const=["bound"], default=[])
    options = parser.parse_args()
    if options.vectors:
        results = [vector_agrees(path) for path in sorted(options.vectors.iterdir())]
        count, agreed = len(results), results and all(results)
        print(f"{count} vectors agree" if agreed else f"{results.count(False)} of {count} vectors disagree")
        return 0 if agreed else 1
    if not (options.path and options.trust):
        parser.error("a receipt or package and --trust, or --vectors")
    if options.expectations and is_package(options.path):
        parser.error("expectations are of a receipt")
    try:
        expectations = [read_expectation(item) for item in options.expectations]
    except ValueError as refusal:
        parser.error(str(refusal))
    try:
        trust = Trust(options.trust.read_bytes())
    except ValueError as refusal:
        print(f"trust file refused: {refusal}", file=sys.stderr)
        return 5  # section 7: no receipt is looked at
    try:
        import evidence
        issuers, bundles = ([(name, Path(file).read_bytes()) for name, file in pairs]
                            for pairs in (options.issuer_keys, options.bundle))
        roster = options.roster.read_bytes() if options.roster else None
        given = evidence.Given(issuers, bundles, roster, options.require)
    except ValueError as refusal:
        print(f"keys, bundle or roster refused: {refusal}", file=sys.stderr)
        return 5  # section 12.7
    result = verify_path(options.path, trust, expectations, given)
    for check in result["checks"]:
        print(f"{check['status']:14}{check['name']}")
    print(result["verdict"])
    return result["exit"]

if __name__ == "__main__":
    sys.exit(main())
