"""The second verifier's part for packages: section 11 of SPEC.md, and like verify.py written from SPEC.md alone.

Every file is a stream that is read once and no further than it makes sense, so neither memory nor time depend on
what a hostile package would inflate to. Python's zipfile has no part in it: it lets pass what section 11.1 refuses.
"""

import hashlib
import json
import os
import re
import struct
import zlib
from collections import namedtuple
from itertools import islice

from verify import (
    CLAIM_NAME, KINDS, MALFORMED, MAX_INTEGER, MAX_NOTE, MAX_RECORD_DEPTH, ORIGIN, REFERENCE, Checkpoint, Reader,
    demand, digest, digests_agree, fits, judge, passes, read_checkpoint, read_record, record_checks, sha256, string,
    trust_checks, uint53)

MAX_FILES = 32  # section 9, as are all limits below
MAX_ENTRIES = 10_000_000
MAX_ENTRIES_OF_ONE = 4096  # section 11.2, as are the next three
MAX_LEFT_OUT_LISTED = 1000
MAX_LEFT_OUT = 65_536
MAX_MANIFEST_DEPTH = 32
MAX_MANIFEST = 65_536
MAX_ITEM = 48_010
MAX_CONSISTENCY = 3_392
MAX_REPORT = 67_108_864
MAX_DIRECTORY = 16_384  # section 11.1
CHUNK = 65_536

# In the order of their checks (section 11.7).
FILES = ["checkpoint", "records.cbor", "records.jsonl", "records.csv", "proof.bin",
         "previous-checkpoint", "consistency.bin", "report.html"]
WITH_PREVIOUS = {"previous-checkpoint", "consistency.bin"}
READ_WITH_RECORDS = {"records.jsonl", "records.csv", "proof.bin"}
READ_IF_BELIEVED = {"records.cbor", "report.html", *READ_WITH_RECORDS}

# --- Section 11.1: the folder or ZIP. Both have a set of names and give a file's bytes in chunks.
def check_name(name, names):
    demand(name not in ("", ".", "..") and not re.search(r"[/\\\0]", name), "file name")
    demand(name not in names, "name is there twice")
    name.encode()  # a name of a folder that is not UTF-8 has surrogates in it

class Folder:
    def __init__(self, path):
        self.path, self.names = path, set()
        with os.scandir(path) as entries:
            listing = list(islice(entries, MAX_FILES + 1))
        demand(len(listing) <= MAX_FILES, "too many files")
        for entry in listing:
            demand(entry.is_file(follow_symlinks=False), "not a plain file")
            check_name(entry.name, self.names)
            self.names.add(entry.name)

    def chunks(self, name):
        with open(self.path / name, "rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

Member = namedtuple("Member", "header name method packed size")

class Zip:
    """The structures are those of APPNOTE.TXT: sections 4.3.7 (a member's own header), 4.3.12 (directory), 4.3.14 to
    4.3.16 (end records) and 4.5.3 (64-bit lengths)."""

    def __init__(self, path):
        self.file, self.members = open(path, "rb"), {}
        self.end = self.file.seek(0, os.SEEK_END)
        count, self.start, end = self.find_directory()
        demand(count <= MAX_FILES, "too many files")
        demand(end - self.start <= MAX_DIRECTORY, "directory too long")
        at = self.start
        for _ in range(count):
            at = self.read_member(at, end)
        demand(at == end, "directory is longer or shorter than its members")
        self.names = self.members.keys()

    def bytes_at(self, at, count):
        demand(0 <= at <= self.end, "ZIP ends early")
        self.file.seek(at)
        data = self.file.read(count)
        demand(len(data) == count, "ZIP ends early")
        return data

    def fields_at(self, at, layout, signature):
        got, *fields = struct.unpack(f"<4s{layout}", self.bytes_at(at, struct.calcsize(f"<4s{layout}")))
        demand(got == signature, "ZIP signature")
        return fields

    def find_directory(self):
        """Number of members, first byte of the directory and first byte behind it."""
        at = self.end - 22
        *fields, comment_length = self.fields_at(at, "4H2LH", b"PK\x05\x06")
        demand(comment_length == 0, "archive has a comment")
        if at >= 76 and self.bytes_at(at - 20, 4) == b"PK\x06\x07":
            disk, record_at, disks = self.fields_at(at - 20, "LQL", b"PK\x06\x07")
            at -= 76
            demand((disk, record_at, disks) == (0, at, 1), "64-bit end record is elsewhere")
            record_length, _, _, *wide = self.fields_at(at, "Q2H2L4Q", b"PK\x06\x06")
            demand(record_length == 44 and fields[:2] == [0, 0], "64-bit end record's length, or several volumes")
            saturated = [0xFFFF] * 4 + [0xFFFFFFFF] * 2
            agree = (narrow in (most, full) for narrow, most, full in zip(fields, saturated, wide))
            demand(all(agree), "the two end records differ")
            fields = wide
        disk, directory_disk, here, count, size, start = fields
        demand(disk == directory_disk == 0 and here == count, "archive of several volumes")
        demand(start + size == at, "end record is not right behind the directory")
        return count, start, at

    def read_member(self, at, end):
        """Reads what the directory has at `at`. Where the next one begins."""
        (_, _, flags, method, _, _, _, packed, size, name_length, extra_length, comment_length, disk, _, attributes,
         header) = self.fields_at(at, "6H3L5H2L", b"PK\x01\x02")
        encoded = self.bytes_at(at + 46, name_length)
        extra = self.bytes_at(at + 46 + name_length, extra_length)
        size, packed, header = wide_lengths(extra, size, packed, header)
        # Bits 1 and 2 are the compressor's effort, 3 means lengths behind the data, 11 a name in UTF-8.
        demand(not flags & ~0x80E and disk == 0 and method in (0, 8), "encrypted, of another volume, or method")
        # The upper half of the attributes is Unix's mode, whose type of file is no permission.
        demand(attributes >> 28 in (0, 8), "not a plain file")
        name = encoded.decode()
        check_name(name, self.members)
        self.members[name] = Member(header, encoded, method, packed, size)
        at += 46 + name_length + extra_length + comment_length
        demand(at <= end, "directory ends early")
        return at

    def chunks(self, name):
        """Asks for no more output than a chunk at a time, whatever the input would inflate to."""
        header, encoded, method, left, size = self.members[name]
        _, _, own_method, _, _, _, _, _, own_length, own_extra = self.fields_at(header, "5H3L2H", b"PK\x03\x04")
        demand(own_method == method, "method differs in the member's own header")
        demand(self.bytes_at(header + 30, own_length) == encoded, "name differs in the member's own header")
        at = header + 30 + own_length + own_extra
        demand(at + left <= self.start, "member reaches into the directory")
        packed = self.packed_chunks(at, left)
        for chunk in inflated_chunks(packed) if method == 8 else packed:
            size -= len(chunk)
            demand(size >= 0, "member is longer than the directory says")
            yield chunk
        demand(size == 0, "member is shorter than the directory says")

    def packed_chunks(self, at, left):
        while left:
            chunk = self.bytes_at(at, min(left, CHUNK))
            at, left = at + len(chunk), left - len(chunk)
            yield chunk

def inflated_chunks(packed):
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for data in packed:
        while data:
            demand(not inflater.eof, "bytes behind the deflated data")
            try:
                chunk = inflater.decompress(data, CHUNK)
            except zlib.error as error:
                raise ValueError("deflated data") from error
            data = inflater.unconsumed_tail or inflater.unused_data
            if chunk:
                yield chunk
    demand(inflater.eof, "deflated data ends early")

def wide_lengths(extra, *narrow):
    """The lengths and place of a member. Those that don't fit 32 bits, and only they, stand in the extra field 1; what
    else is there means nothing."""
    wide = b""
    while len(extra) >= 4 and not wide:
        kind, length = struct.unpack("<2H", extra[:4])
        wide, extra = extra[4 : 4 + length] if kind == 1 else b"", extra[4 + length :]
    lengths = []
    for value in narrow:
        if value == 0xFFFFFFFF:
            demand(len(wide) >= 8, "64-bit length is missing")
            value, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        lengths.append(value)
    return lengths

class File:
    """A file's bytes, read once. It is broken if it is not there, where it is longer than it may be, and where
    something in it is not what it must be."""

    def __init__(self, chunks, most):
        self.chunks, self.most = chunks, most
        self.buffer, self.length, self.hash = b"", 0, hashlib.sha256()
        self.broken = self.ended = chunks is None

    def read(self, count):
        """Fewer bytes only at the end, or where the file is broken."""
        while len(self.buffer) < count and not self.ended:
            try:
                chunk = next(self.chunks, b"")
            except ValueError:
                chunk, self.broken = b"", True
            self.length += len(chunk)
            self.hash.update(chunk)
            self.broken = self.broken or self.length > self.most
            self.ended = self.broken or not chunk
            self.buffer += chunk[: len(chunk) - max(0, self.length - self.most)]
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_all(self):
        data = self.read(self.most + 1)
        demand(not self.broken, "file is too long, not there, or broken")
        return data

    def is_as_listed(self, listed):
        """False if it was not read to its end, which is so where what it holds must not be there."""
        read = self.ended and not self.buffer and not self.broken
        return read and (self.length, self.hash.hexdigest()) == listed

# --- Section 11.2: the manifest
def read_json(data):
    """Section 4.4."""
    def refuse(what):
        raise ValueError(f"JSON: {what}")

    def integer(digits):
        demand(digits != "-0" and abs(int(digits)) <= MAX_INTEGER, "JSON: -0, or integer out of range")
        return int(digits)

    def unique(pairs):
        demand(len(dict(pairs)) == len(pairs), "JSON: name is there twice")
        return dict(pairs)

    try:
        value = json.loads(data.decode(), parse_float=refuse, parse_constant=refuse, parse_int=integer,
                           object_pairs_hook=unique)
        json.dumps(value, ensure_ascii=False).encode()  # refuses the half surrogates that Python lets pass
    except RecursionError as error:
        raise ValueError("JSON: nested too deep") from error
    return value

def is_shallow(value, deepest):
    """Recursion ends at the limit, however deep the value is."""
    if type(value) not in (dict, list):
        return True
    items = value.values() if type(value) is dict else value
    return deepest > 0 and all(is_shallow(item, deepest - 1) for item in items)

def has_members(value, required, optional=()):
    return type(value) is dict and {*required} <= value.keys() <= {*required, *optional}

def is_hex(value, length=64):
    return type(value) is str and re.fullmatch(r"[0-9a-f]*", value) and len(value) == length

def read_digest(value):
    """A digest in JSON, as its CBOR form is: section 4.3."""
    demand(type(value) is dict and all(type(hexes) is str and is_hex(hexes, len(hexes)) for hexes in value.values()),
           "digest is not in lowercase hex")
    read = {algorithm: bytes.fromhex(hexes) for algorithm, hexes in value.items()}
    demand(digest(read), "not a digest")
    return read

def is_tree(value):
    return has_members(value, ["size", "root"]) and uint53(value["size"]) and is_hex(value["root"])

V2 = "provlog-export/v2"
MEMBERS = ["format", "tool", "created_ms", "origin", "checkpoint", "previous", "filters", "range", "count", "redaction",
           "files"]

def read_manifest(data):
    manifest = read_json(data)
    demand(is_shallow(manifest, MAX_MANIFEST_DEPTH), "nested too deep")
    is_v2 = type(manifest) is dict and manifest.get("format") == V2
    demand(has_members(manifest, [*MEMBERS, "left_out"] if is_v2 else MEMBERS), "members of the manifest")
    demand(is_v2 or manifest["format"] == "provlog-export/v1", "format")
    demand(type(manifest["tool"]) is str and uint53(manifest["created_ms"]), "tool or its clock")
    demand(type(manifest["origin"]) is str and ORIGIN.fullmatch(manifest["origin"]), "origin")
    demand(is_tree(manifest["checkpoint"]), "checkpoint")
    demand(manifest["previous"] is None or is_tree(manifest["previous"]), "previous")
    demand(manifest["range"] is None or is_range(manifest["range"]), "range")
    demand(uint53(manifest["count"]) and 1 <= manifest["count"] <= MAX_ENTRIES, "count")
    manifest["filters"] = read_filters(manifest["filters"], is_v2)
    of_entry = "entry" in manifest["filters"]
    demand(not of_entry or manifest["range"] is None and manifest["count"] <= MAX_ENTRIES_OF_ONE, "package of an entry")
    demand(is_left_out(manifest.get("left_out"), of_entry), "left_out")
    manifest["redaction"] = read_redaction(manifest["redaction"])
    manifest["files"] = read_files(manifest["files"], files_of(manifest))
    return manifest

def files_of(manifest):
    return [name for name in FILES if manifest["previous"] or name not in WITH_PREVIOUS]

def is_range(value):
    return has_members(value, ["start", "end"]) and uint53(value["start"]) and uint53(value["end"])

FILTERS = {"?kind": tuple(KINDS.values()), "?from_ms": uint53, "?to_ms": uint53, "?environment": str, "?subject": dict}
FILTERS_OF_V2 = FILTERS | {"?entry": uint53}

def read_filters(filters, is_v2):
    demand(type(filters) is dict, "filters")
    filters = filters | {"subject": read_digest(filters["subject"])} if "subject" in filters else filters
    later = unknown_filters(filters) if is_v2 else set()
    demand(all(re.fullmatch("[a-z][a-z0-9_]{0,63}", name) and filters[name] is not None for name in later), "filter")
    known = {name: value for name, value in filters.items() if name not in later}
    demand(fits(FILTERS_OF_V2 if is_v2 else FILTERS, known), "filters")
    demand("entry" not in filters or len(filters) == 1, "a filter beside the entry")
    return filters

def unknown_filters(filters):
    return {name for name in filters if f"?{name}" not in FILTERS_OF_V2}

def is_left_out(value, of_entry):
    """Whether it is true is told by the records."""
    if not of_entry:
        return value is None
    if not (has_members(value, ["count", "entries"]) and fits([uint53], value["entries"])):
        return False
    count, entries = value["count"], value["entries"]
    return (uint53(count) and count <= MAX_LEFT_OUT and len(entries) == min(count, MAX_LEFT_OUT_LISTED)
            and entries == sorted(set(entries)))

def read_redaction(redaction):
    demand(has_members(redaction, ["rule", "claims", "profile"]), "redaction")
    rule, claims, profile = redaction["rule"], redaction["claims"], redaction["profile"]
    demand(rule in ("none", "hide", "keep", "profile"), "redaction's rule")
    demand(type(profile) is (str if rule == "profile" else type(None)), "redaction's profile")
    demand(type(claims) is list and (rule == "keep" or bool(claims) == (rule == "hide")), "redaction's claims")
    demand(all(type(claim) is str and re.fullmatch(rf"(submitted|attested)\.{CLAIM_NAME}", claim) for claim in claims),
           "redaction's claim")
    return redaction | {"claims": frozenset(claims)}

def read_files(files, names):
    """Name to size and digest."""
    demand(type(files) is list, "files")
    for file in files:
        demand(has_members(file, ["name", "size", "sha256"]) and string(file["name"]) and uint53(file["size"])
               and is_hex(file["sha256"]), "file of the manifest")
    listed = {file["name"]: (file["size"], file["sha256"]) for file in files}
    demand(listed.keys() == set(names) and len(files) == len(names), "not a package's files, each once")
    return listed

# --- Section 11.3: the multi-proof
class MultiProof:
    """Walks the tree while the leaves come, `(index, leaf hash)` in ascending order."""

    def __init__(self, leaves, nodes):
        self.leaves, self.nodes = leaves, nodes
        self.next_leaf()

    def next_leaf(self):
        self.index, self.leaf = next(self.leaves, (MAX_INTEGER + 1, None))

    def root_of(self, size):
        demand(self.index < size, "no leaf, or none in the tree")
        found = self.root(0, size)
        demand(self.leaf is None, "index is not below the size")
        demand(self.nodes.read(1) == b"" and not self.nodes.broken, "node is left over")
        return found

    def root(self, start, end):
        """Recursion is as deep as the tree, at most 53."""
        if self.index >= end:  # none is below start any more
            node = self.nodes.read(32)
            self.nodes.broken = self.nodes.broken or len(node) < 32
            demand(not self.nodes.broken, "node is missing")
            return node
        if end - start == 1:
            leaf = self.leaf
            self.next_leaf()
            return leaf
        split = start + (1 << (end - start - 1).bit_length() - 1)
        left = self.root(start, split)
        return sha256(b"\x01", left, self.root(split, end))

# --- Section 7: the consistency proof
def extends(new, old, proof):
    """RFC 9162, section 2.1.4.2."""
    demand(1 <= old.size <= new.size, "earlier tree is empty or larger")
    if old.size == new.size:
        return not proof and old.root == new.root
    # A whole subtree of the new tree is the old one's own root, so the proof leaves it out.
    path = ([old.root] if old.size.bit_count() == 1 else []) + proof
    demand(path, "proof is too short")
    old_node, new_node = old.size - 1, new.size - 1
    while old_node & 1:
        old_node, new_node = old_node >> 1, new_node >> 1
    old_root = new_root = path[0]
    for node in path[1:]:
        demand(new_node > 0, "proof is too long")
        if old_node & 1 or old_node == new_node:
            old_root, new_root = sha256(b"\x01", node, old_root), sha256(b"\x01", node, new_root)
            while old_node and not old_node & 1:
                old_node, new_node = old_node >> 1, new_node >> 1
        else:
            new_root = sha256(b"\x01", new_root, node)
        old_node, new_node = old_node >> 1, new_node >> 1
    return new_node == 0 and (old_root, new_root) == (old.root, new.root)

# --- Section 11.4: records.jsonl
def json_text(value):
    """Python escapes in strings exactly what it must."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=bytes.hex)

def jsonl_line(index, record):
    shown = {section: {name: claim.value for name, claim in claims.items() if not claim.hidden}
             for section, claims in record.sections.items()}
    hidden = {section: {name: claim.hash for name, claim in claims.items() if claim.hidden}
              for section, claims in record.sections.items()}
    line = {"index": index, "kind": KINDS.get(record.kind, record.kind), "time_ms": record.time_ms,
            "leaf_hash": sha256(b"\x00", record.entry), **shown, "hidden": hidden}
    return f"{json_text(line)}\n".encode()

# --- Section 11.5: records.csv
COLUMNS_OF_V1 = {  # name -> claims, of which the first that is there is shown, and named members
    "subject": (["submitted.subject"], ["name", "uri", "digest"]),
    "model": (["submitted.model"], ["provider", "name", "version"]),
    "prompt_hash": (["submitted.prompt_hash"], []),
    "agent": (["submitted.agent"], ["name", "version"]),
    "human_involvement": (["submitted.human_involvement"], ["level"]),
    "workload": (["attested.workload"], ["method", "id"]),
    "approvers": (["submitted.approvals", "submitted.approval"], ["approver.id", "index"]),
    "policy": (["submitted.policy"], ["name", "version"]),
    "environment": (["submitted.environment"], []),
    "outcome": (["submitted.decision", "submitted.scan"], ["outcome", "verdict"]),
}
COLUMNS_OF_V2 = COLUMNS_OF_V1 | {
    "evidence": (["attested.workload_evidence"], ["format"]),
    "signers": (["attested.approval_checks"], ["signer"]),
    "gate": (["attested.gate"], ["outcome"]),
}

def csv_names(is_v2):
    return csv_line(["index", "time", "kind", "leaf_hash", *(COLUMNS_OF_V2 if is_v2 else COLUMNS_OF_V1), "hidden"])

def csv_row(index, record, is_v2):
    claims = {f"{section}.{name}": claim
              for section, named in record.sections.items() for name, claim in named.items()}
    fixed = [str(index), rfc3339(record.time_ms), str(KINDS.get(record.kind, record.kind)),
             sha256(b"\x00", record.entry).hex()]
    columns = COLUMNS_OF_V2 if is_v2 else COLUMNS_OF_V1
    if is_v2 and "attested.gate" in claims:
        columns = columns | {"outcome": ([], [])}
    cells = [cell(claims, places, members) for places, members in columns.values()]
    cells.append(" ".join(name for name, claim in claims.items() if claim.hidden))
    return csv_line(fixed + [guarded(text) for text in cells])

def csv_line(cells):
    quoted = ['"' + text.replace('"', '""') + '"' if re.search('[,;|"\t\r\n]', text) else text for text in cells]
    return f"{','.join(quoted)}\r\n".encode()

def guarded(text):
    """So that no program takes the cell, or a part of it, for a formula."""
    return re.sub("(\\A|[,;|\"\t\r\n])( *)([=+@'\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
                  "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}-])", r"\1\2'\3", text)

def rfc3339(time_ms):
    """Not Python's datetime, because times reach beyond the year 9999. Days to a date: 400 years are 146,097 days, and
    counted from a March 1st the days of a year's months go in a pattern of 153 for five."""
    seconds, ms = divmod(time_ms, 1000)
    days, second = divmod(seconds, 86_400)
    eras, day = divmod(days + 719_468, 146_097)  # days from 0000-03-01 to 1970-01-01
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153  # 0 is March
    day -= (153 * month + 2) // 5
    year, month = 400 * eras + year + month // 10, (month + 2) % 12 + 1
    return (f"{year:04}-{month:02}-{day + 1:02}T"
            f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{ms:03}Z")

def cell(claims, places, members):
    claim = next((claims[place] for place in places if place in claims), None)
    if claim is None:
        return ""
    if claim.hidden:
        return "(hidden)"
    return "; ".join(item_text(item, members) for item in (claim.value if type(claim.value) is list else [claim.value]))

def item_text(item, members=()):
    if type(item) is not dict:
        return plain_text(item)
    if "absent" in item:
        return f"({plain_text(item['absent'])})"
    named = [item_text(value) for path in members for value in member(item, path.split("."))]
    return " ".join(named or [f"{name}:{plain_text(value)}" for name, value in item.items()])

def plain_text(value):
    return value if type(value) is str else value.hex() if type(value) is bytes else json_text(value)

def member(item, path):
    """A list of the member that is there, or an empty one."""
    for step in path:
        if type(item) is not dict or step not in item:
            return []
        item = item[step]
    return [item]

# --- Section 11.1: records.cbor
def read_items(file, size):
    """Pairs of index and record, until one is refused."""
    buffer, last_index, last_time = b"", -1, 0
    while buffer := buffer + file.read(MAX_ITEM - len(buffer)):
        reader = Reader(buffer)
        demand(reader.head() == (4, 2), "not an array of two")
        index, start = reader.item(0), reader.at
        reader.item(MAX_RECORD_DEPTH)
        record = read_record(buffer[start : reader.at])
        demand(uint53(index) and index > last_index, "index is not above the one before")
        demand(index < size, "index is not below the size")
        demand(all(status == "pass" for _, status in record_checks(record)), "unknown version, or digests differ")
        demand(record.time_ms >= last_time, "time is before that of the record before")
        last_index, last_time, buffer = index, record.time_ms, buffer[reader.at :]
        yield index, record
    demand(not file.broken, "file is broken")

# --- Section 4.3: references
def is_reference(item):
    """What the map has beside them makes no difference."""
    return type(item) is dict and all(
        name in item and fits(REFERENCE[name], item[name]) for name in ("index", "leaf_hash"))

def reference(item, origin):
    """Index and leaf hash of a reference into the log, or None."""
    if not is_reference(item) or type(item.get("origin")) is str and item["origin"] != origin:
        return None
    return item["index"], item["leaf_hash"]

def references_in(value, origin):
    found = reference(value, origin)
    if found:
        yield found
    if type(value) in (dict, list):
        for item in value.values() if type(value) is dict else value:
            yield from references_in(item, origin)

# --- Section 11.8: the package of an entry
def named_by(index, record, origin):
    """Indices, some of them several times."""
    for claims in record.sections.values():
        for name, claim in claims.items():
            if not claim.hidden and not name.startswith("x-"):
                yield from (other for other, _ in references_in(claim.value, origin) if other < index)
    trust = record.sections["submitted"].get("trust") if KINDS.get(record.kind) == "trust" else None
    part = trust.value.get("part") if trust and type(trust.value) is dict else None
    if type(part) is int and part > 1 and index > 0:
        yield index - 1

class Named:
    """What names what among the records so far: all that an entry names is before it."""

    def __init__(self, origin):
        self.origin, self.unnamed, self.here, self.left_out = origin, set(), set(), set()
        self.is_over = False  # a limit, behind which nothing is gathered

    def look_at(self, index, record):
        self.is_over = self.is_over or len(self.here) == MAX_ENTRIES_OF_ONE
        for other in () if self.is_over else named_by(index, record, self.origin):
            self.unnamed.discard(other)
            if other not in self.here:
                self.left_out.add(other)
            if len(self.left_out) > MAX_LEFT_OUT:
                self.is_over = True
                return
        self.here.add(index)
        self.unnamed.add(index)

    def are_of(self, entry, left_out):
        """The last record is named by none, so it is the entry where that alone is named by none."""
        lowest = sorted(self.left_out)[:MAX_LEFT_OUT_LISTED]
        is_true = left_out == {"count": len(self.left_out), "entries": lowest}
        return not self.is_over and self.unnamed == {entry} and is_true

REFERRING = {"approvals": "approval", "generations": "generation", "scans": "scan", "withdraws": "approval"}
MAX_REFERRED_BACK = 2**20

class Records:
    """What is found while the records are read."""

    def __init__(self, manifest, files, tree, evidence):
        self.manifest, self.files, self.size, self.evidence = manifest, files, tree.size, evidence
        self.is_v2 = manifest["format"] == V2
        self.named = Named(manifest["origin"]) if "entry" in manifest["filters"] else None
        self.refused, self.filters, self.redaction = False, True, True
        self.recent, self.references = {}, "skip"  # index: kind and leaf hash, of the last records
        self.indices, self.count = [], 0  # the first index and the last one
        self.matching = {"records.jsonl", "records.csv"}  # so far
        self.compare("records.csv", csv_names(self.is_v2))

    def leaves(self):
        try:
            for index, record in read_items(self.files["records.cbor"], self.size):
                self.look_at(index, record)
                yield index, sha256(b"\x00", record.entry)
        except ValueError:
            self.refused = True
            raise
        for name in list(self.matching):
            self.compare(name, b"", at_end=True)

    def look_at(self, index, record):
        self.count += 1
        self.indices = [*self.indices[:1], index]
        self.filters = self.filters and not contradicts(record, self.manifest["filters"])
        self.redaction = self.redaction and not shows_hidden(record, self.manifest["redaction"])
        for name, kind in REFERRING.items():
            self.follow(index, kind, record.sections["submitted"].get(name))
        if len(self.recent) == MAX_REFERRED_BACK:
            del self.recent[next(iter(self.recent))]
        self.recent[index] = (KINDS.get(record.kind), sha256(b"\x00", record.entry))
        self.compare("records.jsonl", jsonl_line(index, record))
        self.compare("records.csv", csv_row(index, record, self.is_v2))
        self.evidence.look_at(index, record)
        if self.named:
            self.named.look_at(index, record)

    def follow(self, index, kind, claim):
        """Claims that fit no type are followed, too."""
        value = claim.value if claim and not claim.hidden else []
        for item in value if type(value) is list else [value]:
            found = reference(item, self.manifest["origin"])
            if found is None:
                continue
            other, leaf = found
            if other >= index or self.recent.get(other, (kind, leaf)) != (kind, leaf):
                self.references = "fail"
            elif other in self.recent and self.references == "skip":
                self.references = "pass"

    def compare(self, name, wanted, at_end=False):
        """Once they differ, no more of the file is read."""
        file = self.files[name]
        if name in self.matching and (file.read(len(wanted) + at_end) != wanted or at_end and file.broken):
            self.matching.remove(name)
            file.broken = True

    def filters_status(self):
        filters = self.manifest["filters"]
        if not self.filters or self.named and not self.named.are_of(filters["entry"], self.manifest["left_out"]):
            return "fail"
        return "skip" if unknown_filters(filters) else "pass"

    def are_all_of(self, wanted):
        """They ascend strictly, so as many as the range has, from its first one to its last, are all of it."""
        start, end = wanted["start"], wanted["end"]
        return self.count == end - start and self.indices[0] == start and self.indices[-1] == end - 1

def contradicts(record, filters):
    subject, environment = (record.sections["submitted"].get(name) for name in ("subject", "environment"))
    kept = ["kind" not in filters or KINDS.get(record.kind) == filters["kind"],
            filters.get("from_ms", 0) <= record.time_ms < filters.get("to_ms", MAX_INTEGER + 1)]
    if "subject" in filters:
        kept.append(subject and (subject.hidden or any_agrees(subject.value, filters["subject"])))
    if "environment" in filters:
        kept.append(environment and (environment.hidden or environment.value == filters["environment"]))
    return not all(kept)

def any_agrees(subjects, wanted):
    """Whether the claim fits its type or not."""
    digests = [item.get("digest") for item in subjects if type(item) is dict] if type(subjects) is list else []
    return any(type(one) is dict and digests_agree(one, wanted) for one in digests)

def shows_hidden(record, redaction):
    shown = {f"{section}.{name}" for section, claims in record.sections.items()
             for name, claim in claims.items() if not claim.hidden}
    rule, claims = redaction["rule"], redaction["claims"]
    return bool(shown & claims) if rule == "hide" else rule == "keep" and not shown <= claims

# --- Section 11.7: verification
def verify_package(path, trust, given):
    """The object of section 8.1. `given` is what the reader gave for the checks of section 12.7."""
    from packaged import PackagedEvidence  # not above, because it imports this file
    try:
        package = Folder(path) if path.is_dir() else Zip(path)
        data = open_file(package, "manifest.json", MAX_MANIFEST).read_all()
        manifest = read_manifest(data)
    except ValueError:
        return MALFORMED
    files = open_files(package, manifest)
    checkpoint = checkpoint_in(files["checkpoint"])
    tree = checkpoint or named_checkpoint(manifest, "checkpoint")
    evidence = PackagedEvidence(tree.origin, given)
    trusting = trust_checks(checkpoint, trust) if checkpoint else []
    # Nothing says how much there is to read where the log has not signed the tree's size.
    believed = checkpoint and all(status != "fail" for name, status in trusting if name != "quorum")
    if believed:
        records = Records(manifest, files, tree, evidence)
        of_records = record_file_checks(records, proof_status(records, files["proof.bin"], tree))
        unread = READ_WITH_RECORDS if records.refused else set()
        files["records.cbor"].broken |= records.refused
        while files["report.html"].read(CHUNK):
            pass
    else:
        of_records = [(name, "skip") for name in ["records", *OF_RECORDS]]
        unread = READ_IF_BELIEVED
    earlier = previous_checks(manifest, trust, tree, files)

    checks = [("format", "pass"), *file_checks(package, manifest, data, files, unread), *trusting]
    checks += [("checkpoint", passes(checkpoint and names(manifest, "checkpoint", checkpoint)))]
    checks += [*of_records, *earlier, *evidence.checks(dict(of_records), manifest["range"])]
    believing = [check for check in trusting + earlier if check[0] != "consistency"]
    return judge(checks, believing)

def open_file(package, name, most):
    return File(package.chunks(name) if name in package.names else None, most)

def open_files(package, manifest):
    limits = {"checkpoint": MAX_NOTE, "previous-checkpoint": MAX_NOTE, "consistency.bin": MAX_CONSISTENCY,
              "report.html": MAX_REPORT}
    return {name: open_file(package, name, min(size, limits.get(name, size)))
            for name, (size, _) in manifest["files"].items()}

def checkpoint_in(file):
    try:
        return read_checkpoint(file.read_all().decode())
    except ValueError:
        return None

def named_checkpoint(manifest, member):
    """What the manifest says of a checkpoint, as one without text and signatures."""
    size, root = manifest[member]["size"], bytes.fromhex(manifest[member]["root"])
    return Checkpoint(b"", [], manifest["origin"], size, root)

def names(manifest, member, checkpoint):
    return checkpoint._replace(text=b"", lines=[]) == named_checkpoint(manifest, member)

def proof_status(records, nodes, tree):
    """Reads all records, whatever becomes of the proof."""
    leaves, holds = records.leaves(), False
    try:
        holds = MultiProof(leaves, nodes).root_of(tree.size) == tree.root
        holds = holds and nodes.is_as_listed(records.manifest["files"]["proof.bin"])
    except ValueError:
        pass
    try:
        for _ in leaves:
            pass
    except ValueError:
        pass  # records.refused says it
    return passes(holds)

def file_checks(package, manifest, manifest_bytes, files, unread):
    line = f"{hashlib.sha256(manifest_bytes).hexdigest()}  manifest.json\n".encode()
    said = open_file(package, "manifest.sha256", len(line))
    checks = [("manifest.json", passes(said.read(len(line)) == line and said.read(1) == b"" and not said.broken))]
    checks += [(name, "fail") for name in sorted(package.names - {"manifest.json", "manifest.sha256", *files})]
    for name in (name for name in FILES if name in files):
        skipped = name in unread and name in package.names
        checks.append((name, "skip" if skipped else passes(files[name].is_as_listed(manifest["files"][name]))))
    return [(f"file:{name}", status) for name, status in checks]

OF_RECORDS = ["count", "filters", "redaction", "references", "proof", "completeness", "jsonl", "csv"]

def record_file_checks(records, proof):
    if records.refused:
        return [("records", "fail"), *((name, "skip") for name in OF_RECORDS)]
    manifest = records.manifest
    no_rule = manifest["redaction"]["rule"] in ("none", "profile")
    no_range = manifest["range"] is None or proof != "pass"
    statuses = [
        passes(records.count == manifest["count"]), records.filters_status(),
        "skip" if no_rule else passes(records.redaction), records.references, proof,
        "skip" if no_range else passes(records.are_all_of(manifest["range"])),
        *(passes(name in records.matching) for name in ("records.jsonl", "records.csv"))]
    return [("records", "pass"), *zip(OF_RECORDS, statuses)]

def previous_checks(manifest, trust, tree, files):
    if manifest["previous"] is None:
        return [("consistency", "skip")]
    previous = checkpoint_in(files["previous-checkpoint"])
    believed = previous and names(manifest, "previous", previous) and all(
        status != "fail" for _, status in trust_checks(previous, trust))
    try:
        proof = files["consistency.bin"].read_all()
        demand(len(proof) % 32 == 0, "not of whole hashes")
        holds = extends(tree, named_checkpoint(manifest, "previous"),
                        [proof[at : at + 32] for at in range(0, len(proof), 32)])
    except ValueError:
        holds = False
    return [("previous-checkpoint", passes(believed)), ("consistency", passes(holds))]
