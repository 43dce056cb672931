"""The second verifier's part for evidence: sections 12 and 13 of SPEC.md, like verify.py written from SPEC.md alone.

It has the checks of section 12.7 that are made of one record; what is only of packages is in packaged.py. The package
`cryptography` has no part in it but the equations of RSA, ECDSA and Ed25519: keys, certificates and signatures are
taken apart here, because it takes more than SPEC.md does.
"""

import base64
import hashlib
import re
from collections import namedtuple
from datetime import datetime, timezone
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

from package import is_reference, is_shallow, json_text, read_json, reference
from verify import (
    APPROVAL, KINDS, MAX_INTEGER, ORIGIN, claim_fits, decode_base64, demand, digest, ed25519_verifies, fits,
    is_usable_key, passes, sha256, uint53)

MAX_TOKEN = 8192  # section 12.8, as are all limits below
MAX_BOUND_SECONDS = 21_600
MAX_CHAIN = 4
MAX_CHAIN_BYTES = 7168
MAX_SVID_SECONDS = 604_800
MAX_FILE = 262_144
MAX_ROSTER_LINES = 4096
MAX_KEYS = 256  # section 12.7
MAX_STATEMENT = 8192
MAX_STATEMENT_OF_APPROVAL = 7168
MAX_STATEMENT_TOKEN = 1024
MAX_TEXT = {"purpose": 200, "name": 200, "reason": 512}
MAX_APPROVAL_CHECKS = 16

class Unknown(Exception):
    """Something that this version doesn't know, where that is no failure."""

def demand_window(start, end, *times_ms):
    """Section 12.2."""
    demand(0 <= start <= end <= MAX_INTEGER, "no window")
    demand(all(start <= time_ms <= end for time_ms in times_ms), "entry's time is outside of a window")

# --- Public keys, whatever their file: sections 12.3, 12.4, 12.6
Rsa = namedtuple("Rsa", "n e")
Ec = namedtuple("Ec", "curve x y")
Ed = namedtuple("Ed", "public")
Curve = namedtuple("Curve", "name p b n width hash library")  # both have a = -3

P256 = Curve("P-256", 2**256 - 2**224 + 2**192 + 2**96 - 1,
             0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
             0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551, 32, SHA256(), ec.SECP256R1())
P384 = Curve("P-384", 2**384 - 2**128 - 2**96 + 2**32 - 1,
             0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
             0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
             48, SHA384(), ec.SECP384R1())

def rsa_key(n, e, least_bits=2048):
    demand(n > 0 and n & 1 and least_bits <= n.bit_length() <= 8192, "RSA modulus")
    demand(3 <= e < 2**32 and e & 1, "RSA exponent")
    return Rsa(n, e)

def ec_key(curve, x, y):
    demand(len(x) == len(y) == curve.width, "coordinate is not of full length")
    x, y = int.from_bytes(x), int.from_bytes(y)
    demand(x < curve.p and y < curve.p and (y * y - x**3 + 3 * x - curve.b) % curve.p == 0, "point is not on the curve")
    return Ec(curve, x, y)

def ec_point(curve, point):
    demand(point[:1] == b"\x04" and len(point) == 1 + 2 * curve.width, "point is not uncompressed")
    return ec_key(curve, point[1 : 1 + curve.width], point[1 + curve.width :])

def ed_key(public):
    demand(len(public) == 32 and is_usable_key(public), "Ed25519 key")
    return Ed(public)

def identity(key):
    """The modulus or the point, by which keys are one."""
    return key.n if type(key) is Rsa else key

def equation_holds(key, *signature_message_and_scheme):
    try:
        key.verify(*signature_message_and_scheme)
    except InvalidSignature:
        return False
    return True

def rsa_verifies(key, signature, message, scheme, hash):
    """Only signatures as long as the modulus. Of PSS the library takes no salt but one of the scheme's length."""
    public = rsa.RSAPublicNumbers(key.e, key.n).public_key()
    as_long = len(signature) == (key.n.bit_length() + 7) // 8 and int.from_bytes(signature) < key.n
    return as_long and equation_holds(public, signature, message, scheme, hash)

def ecdsa_verifies(key, r, s, message, hash):
    if not (1 <= r < key.curve.n and 1 <= s < key.curve.n):
        return False
    public = ec.EllipticCurvePublicNumbers(key.x, key.y, key.curve.library).public_key()
    return equation_holds(public, encode_dss_signature(r, s), message, ec.ECDSA(hash))

# --- Section 12.3: JSON Web Keys
ALGORITHMS = ("RS256", "ES256", "ES384", "EdDSA")
CURVES = {"P-256": P256, "P-384": P384}
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

def encode_base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

def decode_base64url(encoded):
    demand(re.fullmatch(r"[A-Za-z0-9_-]+", encoded), "base64url")
    data = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    demand(encode_base64url(data) == encoded, "base64url has unused bits")
    return data

def algorithm_of(key):
    return "RS256" if type(key) is Rsa else "EdDSA" if type(key) is Ed else {P256: "ES256", P384: "ES384"}[key.curve]

def thumbprint(key):
    """RFC 7638, section 3."""
    octets = lambda number, width: encode_base64url(number.to_bytes(width))
    if type(key) is Rsa:
        e, n = (octets(number, (number.bit_length() + 7) // 8) for number in (key.e, key.n))
        return sha256(json_text({"e": e, "kty": "RSA", "n": n}).encode())
    if type(key) is Ed:
        return sha256(json_text({"crv": "Ed25519", "kty": "OKP", "x": encode_base64url(key.public)}).encode())
    x, y = (octets(number, key.curve.width) for number in (key.x, key.y))
    return sha256(json_text({"crv": key.curve.name, "kty": "EC", "x": x, "y": y}).encode())

def read_jwk(jwk):
    def octets(name):
        demand(type(jwk.get(name)) is str, "member of a JWK")
        return decode_base64url(jwk[name])

    def number(name):
        data = octets(name)
        demand(data[0] != 0, "leading zero byte in a JWK")
        return int.from_bytes(data)

    match jwk.get("kty"), jwk.get("crv"):
        case "RSA", _:
            return rsa_key(number("n"), number("e"))
        case "EC", "P-256" | "P-384" as curve:
            return ec_key(CURVES[curve], octets("x"), octets("y"))
        case "OKP", "Ed25519":
            return ed_key(octets("x"))
    raise ValueError("type of a JWK")

def read_jwks(data):
    """The objects of a JWKS or a bundle."""
    demand(len(data) <= MAX_FILE, "file of keys too long")
    jwks = read_json(data)
    demand(type(jwks) is dict and type(jwks.get("keys")) is list and len(jwks["keys"]) <= MAX_KEYS, "no list of keys")
    objects = [jwk for jwk in jwks["keys"] if type(jwk) is dict]
    demand(not any(PRIVATE & jwk.keys() for jwk in objects), "a JWK has a private part")
    return objects

def usable(read, values):
    """What `read` makes of them; what it refuses is passed over."""
    for value in values:
        try:
            yield read(value)
        except ValueError:
            pass

def read_member_jwk(jwk):
    """The key of a JWK that could be a member; `use` is not looked at."""
    key, operations = read_jwk(jwk), jwk.get("key_ops", ["verify"])
    demand(type(jwk.get("kid")) is str, "no kid")
    demand(jwk.get("alg", algorithm_of(key)) == algorithm_of(key), "another alg")
    demand(type(operations) is list and "verify" in operations, "not for verifying")
    return key

def keys_of(jwks):
    return {thumbprint(key): key for key in usable(read_member_jwk, jwks)}

def read_issuer(data):
    keys = keys_of(jwk for jwk in read_jwks(data) if jwk.get("use", "sig") == "sig")
    demand(keys, "no key that can be used")
    return keys

Bundle = namedtuple("Bundle", "keys authorities")  # by thumbprint; by the SHA-256 of their DER

def read_bundle(data):
    """SPIFFE's JSON: a JWKS, whose `use` tells the two kinds apart."""
    jwks = read_jwks(data)
    authorities = usable(read_authority, (jwk for jwk in jwks if jwk.get("use") == "x509-svid"))
    bundle = Bundle(keys_of(jwk for jwk in jwks if jwk.get("use") == "jwt-svid"),
                    {sha256(one.der): one for one in authorities})
    demand(bundle.keys or bundle.authorities, "no key that can be used")
    return bundle

def read_authority(jwk):
    demand(fits([1, str], jwk.get("x5c")) and len(jwk["x5c"]) == 1, "not exactly one certificate")
    certificate = read_certificate(decode_base64(jwk["x5c"][0]))
    demand(certificate.key, "key of a CA")
    return certificate

# --- Section 12.3: SPIFFE IDs and tokens
TRUST_DOMAIN = r"[a-z0-9._-]{1,255}"
VISIBLE = r"[!-~]+"
GITHUB = "https://token.actions.githubusercontent.com"
MAX_SECONDS = 9_007_199_254_740

def trust_domain(identifier):
    """That of a SPIFFE ID; anything else is refused."""
    match = re.fullmatch(rf"spiffe://({TRUST_DOMAIN})((?:/[A-Za-z0-9._-]+)+)", identifier)
    demand(match and len(identifier) <= 2048, "not a SPIFFE ID")
    demand(not {".", ".."} & set(match[2].split("/")), "dots in a SPIFFE ID")
    return match[1]

def read_part(encoded):
    value = read_json(decode_base64url(encoded))
    demand(type(value) is dict and is_shallow(value, 16), "no object, or nested too deep")
    return value

# `proof` is a function of what the reader gave, and has None where the key or CA isn't among it.
Evidence = namedtuple("Evidence", "workload window proof")

def read_token(value, origin, submitted_digest):
    token = value["token"]
    demand(len(token.encode()) <= MAX_TOKEN, "token too long")
    parts = token.split(".")
    demand(len(parts) == 3, "not three parts")
    header = read_part(parts[0])
    if type(header.get("alg")) is str and header["alg"] not in ALGORITHMS:
        raise Unknown
    check_member(value["key"])
    payload, signature = read_part(parts[1]), decode_base64url(parts[2])
    domain = read_payload(payload)
    check_header(header, domain)
    audience = f"{origin}:{submitted_digest.hex()}"
    demand(payload["aud"] in (audience, [audience]), "not bound to this submission")
    demand(payload["exp"] - payload["iat"] <= MAX_BOUND_SECONDS, "bound for too long")

    def proof(given):
        keys = given.bundles.get(domain, Bundle({}, {})).keys if domain else given.issuers.get(payload["iss"], {})
        key = keys.get(value["thumbprint"])
        return key and algorithm_of(key) == header["alg"] and jws_verifies(
            key, signature, f"{parts[0]}.{parts[1]}".encode())

    workload = {"method": "jwt-svid" if domain else "oidc", "id": payload["sub"],
                "issuer": f"spiffe://{domain}" if domain else payload["iss"], "audience": audience,
                "binding": "statement"}
    claims = workload_claims(payload)
    start = max(payload["iat"], payload.get("nbf", 0))
    return Evidence(workload | ({"claims": claims} if claims else {}),
                    (start * 1000 - 60_000, payload["exp"] * 1000 + 60_000), proof)

def check_header(header, domain):
    demand(fits({"alg": ALGORITHMS, "kid": str, "?typ": str, "?x5t": str, "?x5t#S256": str}, header), "header")
    demand(header["kid"] != "", "kid is empty")
    demand(re.fullmatch("JWT|JOSE" if domain else "JWT", header.get("typ", "JWT"), re.ASCII | re.IGNORECASE), "typ")
    demand(not (domain and header["alg"] == "EdDSA"), "EdDSA for a SPIFFE ID")

def read_payload(payload):
    """The trust domain, or None if `sub` is no SPIFFE ID."""
    demand(type(payload.get("sub")) is str and re.fullmatch(r"[^\x00-\x1f\x7f-\x9f]+", payload["sub"]), "sub")
    times = [payload.get("iat"), payload.get("exp"), payload.get("nbf", 0)]
    demand(all(type(time) is int and 0 <= time <= MAX_SECONDS for time in times), "iat, exp or nbf")
    demand(max(times[0], times[2]) < times[1], "exp is not above iat and nbf")
    demand(fits((str, [str]), payload.get("aud")), "aud")
    # Python's white space is Unicode's, but for characters that are refused above.
    if re.match(r"spiffe:", payload["sub"].lstrip(), re.ASCII | re.IGNORECASE):
        return trust_domain(payload["sub"])
    issuer = payload.get("iss")
    demand(type(issuer) is str and re.fullmatch(VISIBLE, issuer) and "#" not in issuer, "iss")
    if issuer == GITHUB or issuer.startswith(f"{GITHUB}/"):
        ids = [payload.get(name) for name in ("repository_owner_id", "repository_id")]
        demand(all(type(one) is str and re.fullmatch(r"[0-9]{1,20}", one) for one in ids), "ids of GitHub")
    return None

def jws_verifies(key, signature, message):
    if type(key) is Rsa:
        return rsa_verifies(key, signature, message, padding.PKCS1v15(), SHA256())
    if type(key) is Ed:
        return ed25519_verifies(key, signature, message)
    width = key.curve.width
    r, s = int.from_bytes(signature[:width]), int.from_bytes(signature[width:])
    return len(signature) == 2 * width and ecdsa_verifies(key, r, s, message, key.curve.hash)

# --- Section 12.5: the claim `workload`
SHOWN = """
    actor actor_id base_ref check_run_id ci_config_ref_uri ci_config_sha deployment_tier environment
    environment_protected event_name head_ref job_id job_workflow_ref job_workflow_sha namespace_id namespace_path
    pipeline_id pipeline_source project_id project_path project_visibility ref ref_path ref_protected ref_type
    repository repository_id repository_owner repository_owner_id repository_visibility run_attempt run_id run_number
    runner_environment runner_id sha user_id user_login workflow_ref workflow_sha""".split()
OF_KUBERNETES = "namespace node/name node/uid pod/name pod/uid serviceaccount/name serviceaccount/uid".split()

def workload_claims(payload):
    found = {name: payload.get(name) for name in SHOWN}
    for path in OF_KUBERNETES:
        value = payload.get("kubernetes.io")
        for step in path.split("/"):
            value = value.get(step) if type(value) is dict else None
        found[f"kubernetes.io/{path}"] = value
    return {name: value if type(value) is str else json_text(value) for name, value in found.items()
            if type(value) in (str, int, bool)}

# --- Section 12.4: a certificate's DER, of which only this is read
Element = namedtuple("Element", "tag value whole")
SEQUENCE, INTEGER, BITS, OCTETS, OID, BOOLEAN = 0x30, 0x02, 0x03, 0x04, 0x06, 0x01

def der(data, *tags):
    """The elements that the bytes are, which must be of these tags if any are given."""
    elements, at = [], 0
    while at < len(data):
        start, tag, length, at = at, data[at], int.from_bytes(data[at + 1 : at + 2]), at + 2
        demand(tag & 31 < 31, "DER: tag of several bytes")
        if length >= 128:
            width = length - 128
            length, at = int.from_bytes(data[at : at + width]), at + width
            demand(1 <= width <= 3 and length >= max(128, 1 << 8 * (width - 1)), "DER: length is not the shortest")
        demand(at + length <= len(data), "DER ends early")
        at += length
        elements.append(Element(tag, data[at - length : at], data[start:at]))
    demand(not tags or tuple(element.tag for element in elements) == tags, "DER: not these elements")
    return elements

def der_integer(element):
    value = element.value
    demand(element.tag == INTEGER and value, "DER: not an integer")
    shorter = len(value) > 1 and -128 <= int.from_bytes(value[:2], signed=True) < 128
    demand(not shorter, "DER: integer is not the shortest")
    return int.from_bytes(value, signed=True)

def der_bits(element):
    demand(element.tag == BITS and element.value[:1] == b"\0", "DER: not a string of whole bytes of bits")
    return element.value[1:]

def der_time(element):
    """RFC 5280, section 4.1.2.5, in seconds."""
    digits = element.value.decode("ascii")
    demand(re.fullmatch({0x17: r"[0-9]{12}Z", 0x18: r"[0-9]{14}Z"}.get(element.tag, "(?!)"), digits), "DER: time")
    return seconds_of((("" if element.tag == 0x18 else "19" if digits >= "50" else "20") + digits)[:-1])

def seconds_of(digits):
    """Of YYYYMMDDHHMMSS, a time that exists."""
    parts = [int(digits[:4])] + [int(digits[at : at + 2]) for at in range(4, 14, 2)]
    return int(datetime(*parts, tzinfo=timezone.utc).timestamp())

# Whole AlgorithmIdentifiers, parameters included.
def algorithm_identifier(hexes):
    fields = bytes.fromhex(hexes)
    return bytes([SEQUENCE, len(fields)]) + fields

RSA_KEY, P256_KEY, P384_KEY, ED_KEY = map(algorithm_identifier, (
    "06092a864886f70d0101010500", "06072a8648ce3d020106082a8648ce3d030107", "06072a8648ce3d020106052b81040022",
    "06032b6570"))
RSA_SIGNATURES = {algorithm_identifier(f"06092a864886f70d0101{last}0500"): hash
                  for last, hash in (("0b", SHA256()), ("0c", SHA384()), ("0d", SHA512()))}
ECDSA_SIGNATURES = {algorithm_identifier(f"06082a8648ce3d0403{last}"): hash
                    for last, hash in (("02", SHA256()), ("03", SHA384()))}

BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, ALTERNATIVE_NAMES, NAME_CONSTRAINTS = (
    bytes.fromhex(f"551d{last}") for last in ("13", "0f", "25", "11", "1e"))
CLIENT_AUTH = bytes.fromhex("2b06010505070302")
DIGITAL_SIGNATURE, KEY_CERT_SIGN, CRL_SIGN = 0, 5, 6  # RFC 5280, section 4.2.1.3

Certificate = namedtuple(
    "Certificate", "der signed algorithm signature issuer not_before not_after subject key extensions")

def read_certificate(data):
    """RFC 5280, section 4.1."""
    [whole] = der(data, SEQUENCE)
    signed, signed_with, signature = der(whole.value, SEQUENCE, SEQUENCE, BITS)
    version, *fields = der(signed.value)
    demand(version.whole == b"\xa0\x03\x02\x01\x02", "not a certificate of version 3")
    demand([field.tag for field in fields[:6]] == [INTEGER] + 5 * [SEQUENCE], "not a certificate")
    number, algorithm_again, issuer, validity, subject, public = fields[:6]
    der_integer(number)
    demand(algorithm_again.whole == signed_with.whole, "a certificate's two algorithms differ")
    others = [field.tag for field in fields[6:]]
    demand(others == sorted({*others} & {0x81, 0x82, 0xA3}), "fields of a certificate")
    not_before, not_after = map(der_time, der(validity.value))
    extensions = read_extensions(fields[-1].value) if 0xA3 in others else {}
    critical = {name for name, (is_critical, _) in extensions.items() if is_critical}
    demand(critical <= {BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, ALTERNATIVE_NAMES}, "critical")
    demand(NAME_CONSTRAINTS not in extensions, "name constraints")
    certificate = Certificate(data, signed.whole, signed_with.whole, der_bits(signature), issuer.whole, not_before,
                              not_after, subject.whole, read_public_key(public), extensions)
    authority(certificate), usages(certificate)
    for name in (ALTERNATIVE_NAMES, EXTENDED_KEY_USAGE):
        element = extension(certificate, name)
        demand(element is None or element.tag == SEQUENCE and der(element.value) is not None, "extension")
    return certificate

def read_public_key(element):
    """None if it can't be used: nothing verifies under it, but the certificate can be read."""
    kind, bits = der(element.value, SEQUENCE, BITS)
    try:
        if kind.whole == RSA_KEY:
            [numbers] = der(der_bits(bits), SEQUENCE)
            return rsa_key(*map(der_integer, der(numbers.value, INTEGER, INTEGER)))
        if kind.whole in (P256_KEY, P384_KEY):
            return ec_point(P256 if kind.whole == P256_KEY else P384, der_bits(bits))
        return ed_key(der_bits(bits)) if kind.whole == ED_KEY else None
    except ValueError:
        return None

def read_extensions(data):
    """Identifier to whether it is critical, and value."""
    [whole], extensions = der(data, SEQUENCE), {}
    demand(whole.value and len(der(whole.value)) <= 32, "no extensions, or too many")
    for extension in der(whole.value):
        demand(extension.tag == SEQUENCE, "not an extension")
        name, *flag, value = der(extension.value)
        demand((name.tag, value.tag) == (OID, OCTETS) and name.value not in extensions, "extension, or twice")
        # What is the default is not encoded, so nothing else can stand there.
        demand([element.whole for element in flag] in ([], [b"\x01\x01\xff"]), "extension's critical")
        extensions[name.value] = bool(flag), value.value
    return extensions

def extension(certificate, name):
    """The element that is its value, or None."""
    if name not in certificate.extensions:
        return None
    [element] = der(certificate.extensions[name][1])
    return element

def authority(certificate):
    """Whether it is a CA, and its path length or None."""
    element = extension(certificate, BASIC_CONSTRAINTS)
    if element is None:
        return False, None
    demand(element.tag == SEQUENCE, "basic constraints")
    rest = der(element.value)
    is_authority = bool(rest) and rest[0].tag == BOOLEAN
    demand(not is_authority or rest.pop(0).value == b"\xff", "basic constraints")
    demand(len(rest) <= 1, "basic constraints")
    length = der_integer(rest[0]) if rest else None
    demand(length is None or 0 <= length <= 255, "path length")
    return is_authority, length

def usages(certificate):
    """Numbers of the bits that are set, or None without the extension."""
    element = extension(certificate, KEY_USAGE)
    if element is None:
        return None
    demand(element.tag == BITS and 2 <= len(element.value) <= 3 and element.value[0] < 8, "key usage")
    bits = "".join(f"{byte:08b}" for byte in element.value[1:])
    # DER, where bits have names: the last one that is not unused is set.
    demand(len(bits.rstrip("0")) == len(bits) - element.value[0], "key usage has spare bits")
    return {number for number, bit in enumerate(bits) if bit == "1"}

def read_svid_id(certificate):
    """The workload's certificate, and its SPIFFE ID."""
    names = extension(certificate, ALTERNATIVE_NAMES)
    demand(names and names.tag == SEQUENCE, "no alternative names")
    uris = [name.value for name in der(names.value) if name.tag == 0x86]
    demand(len(uris) == 1, "not exactly one URI")
    demand(not authority(certificate)[0], "workload is a CA")
    used = usages(certificate)
    demand(used is not None and certificate.extensions[KEY_USAGE][0], "no key usage, or not critical")
    demand(DIGITAL_SIGNATURE in used and not {KEY_CERT_SIGN, CRL_SIGN} & used, "key usage of a workload")
    extended = extension(certificate, EXTENDED_KEY_USAGE)
    demand(not extended or extended.tag == SEQUENCE and (OID, CLIENT_AUTH) in [
        (purpose.tag, purpose.value) for purpose in der(extended.value)], "extended key usage without clientAuth")
    demand(certificate.not_after - certificate.not_before <= MAX_SVID_SECONDS, "workload's certificate is for too long")
    return uris[0].decode("ascii")

def der_ecdsa_verifies(key, signature, message, hash):
    """Integers that are not the shortest are refused with the rest of what isn't DER."""
    try:
        [pair] = der(signature, SEQUENCE)
        r, s = map(der_integer, der(pair.value, INTEGER, INTEGER))
    except ValueError:
        return False
    return ecdsa_verifies(key, r, s, message, hash)

def submission_verifies(key, signature, text):
    if type(key) is Rsa:
        return rsa_verifies(key, signature, text, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    if type(key) is Ed:
        return ed25519_verifies(key, signature, text)
    return key is not None and der_ecdsa_verifies(key, signature, text, key.curve.hash)

def certificate_verifies(certificate, key):
    with_, signature, signed = certificate.algorithm, certificate.signature, certificate.signed
    if type(key) is Rsa and with_ in RSA_SIGNATURES:
        return rsa_verifies(key, signature, signed, padding.PKCS1v15(), RSA_SIGNATURES[with_])
    if type(key) is Ec and with_ in ECDSA_SIGNATURES:
        return der_ecdsa_verifies(key, signature, signed, ECDSA_SIGNATURES[with_])
    return type(key) is Ed and with_ == ED_KEY and ed25519_verifies(key, signature, signed)

def read_svid(value, origin, submitted_digest, time_ms):
    chain = value["chain"]
    demand(len(chain) <= MAX_CHAIN and sum(map(len, chain)) <= MAX_CHAIN_BYTES, "chain too long")
    certificates = [read_certificate(one) for one in chain]
    identifier = read_svid_id(certificates[0])
    domain = trust_domain(identifier)
    # Section 4.5
    text = f"provlog-submission/v1\n{origin}\n{submitted_digest.hex()}\n{sha256(chain[0]).hex()}\n".encode()
    demand(submission_verifies(certificates[0].key, value["signature"], text), "not signed by the workload")

    def proof(given):
        ca = given.bundles.get(domain, Bundle({}, {})).authorities.get(value["ca"])
        return ca and chain_verifies(certificates, ca, time_ms)

    workload = {"method": "x509-svid", "id": identifier, "issuer": f"spiffe://{domain}", "binding": "statement"}
    window = max(one.not_before for one in certificates) * 1000, min(one.not_after for one in certificates) * 1000
    return Evidence(workload, window, proof)

def chain_verifies(certificates, ca, time_ms):
    path = [*certificates, ca]
    try:
        for below, certificate in enumerate(path[1:]):
            is_authority, most_below = authority(certificate)
            demand(is_authority and KEY_CERT_SIGN in (usages(certificate) or ()), "not a CA that signs")
            demand(most_below is None or below <= most_below, "path length")
        for certificate, signer in zip(path, path[1:]):
            demand(certificate.issuer == signer.subject, "issuer is not the signer's subject")
            demand(certificate_verifies(certificate, signer.key), "not signed by the next one")
    except ValueError:
        return False
    distinct = {(certificate.subject, certificate.key) for certificate in path}
    return len(distinct) == len(path) and ca.not_before * 1000 <= time_ms <= ca.not_after * 1000

# --- Section 12.6: SSH keys and signatures
class Wire:
    """RFC 4251, section 5."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        demand(count <= len(self.data), "SSH: ends early")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self):
        return int.from_bytes(self.take(4))

    def string(self):
        return self.take(self.number())

    def text(self):
        return self.string().decode()

    def mpint(self):
        """No key and no signature has one that is not above 0."""
        data = self.string()
        value = int.from_bytes(data)
        demand(value and len(data) == value.bit_length() // 8 + 1, "SSH: integer is not the shortest, or not above 0")
        return value

    def end(self):
        demand(not self.data, "SSH: bytes left over")

SSH_TYPES = {"ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "sk-ecdsa-sha2-nistp256@openssh.com",
             "ssh-rsa"}
SshKey = namedtuple("SshKey", "type key application blob")
Flags = namedtuple("Flags", "presence verification")

def wire_string(data):
    return len(data).to_bytes(4) + data

def read_ssh_key(blob):
    wire = Wire(blob)
    kind, application = wire.text(), None
    demand(kind in SSH_TYPES, "SSH: type of key")
    if kind == "ssh-rsa":
        e, n = wire.mpint(), wire.mpint()
        key = rsa_key(n, e, least_bits=3072)
    elif "ed25519" in kind:
        key = ed_key(wire.string())
    else:
        demand(wire.string() == b"nistp256", "SSH: curve")
        key = ec_point(P256, wire.string())
    if kind.startswith("sk-"):
        application = wire.string()
        demand(application.startswith(b"ssh:"), "SSH: application")
    wire.end()
    return SshKey(kind, key, application, blob)

def fingerprint(blob):
    return "SHA256:" + base64.b64encode(sha256(blob)).decode().rstrip("=")

def read_ssh_signature(armored, namespace, message):
    """Its key, and its flags or None; refused unless it is one over the message."""
    match = re.fullmatch(r"-----BEGIN SSH SIGNATURE-----\n((?:[A-Za-z0-9+/=]{70}\n)*[A-Za-z0-9+/=]{1,70}\n)"
                         r"-----END SSH SIGNATURE-----\n", armored)
    demand(match, "SSH: armor")
    wire = Wire(decode_base64(match[1].replace("\n", "")))
    demand(wire.take(6) == b"SSHSIG" and wire.number() == 1, "SSH: not a signature of version 1")
    key = read_ssh_key(wire.string())
    demand(wire.text() == namespace and wire.string() == b"", "SSH: namespace or reserved field")
    hash_name = wire.text()
    demand(hash_name in ("sha256", "sha512"), "SSH: hash")
    signature = wire.string()
    wire.end()
    hashed = hashlib.new(hash_name, message).digest()
    signed = b"SSHSIG" + b"".join(map(wire_string, (namespace.encode(), b"", hash_name.encode(), hashed)))
    return key, read_signature_by(key, Wire(signature), signed)

def read_signature_by(key, wire, signed):
    kind, value, flags = wire.text(), wire.string(), None
    if key.application is not None:
        # OpenSSH's PROTOCOL.u2f, "SSH U2F Signatures"
        last = wire.take(5)
        demand(not last[0] & ~0x1D, "SSH: flags")
        flags = Flags(bool(last[0] & 0x01), bool(last[0] & 0x04))
        signed = sha256(key.application) + last + sha256(signed)
    wire.end()
    if key.type == "ssh-rsa":
        hash = {"rsa-sha2-256": SHA256(), "rsa-sha2-512": SHA512()}.get(kind)
        demand(hash and rsa_verifies(key.key, value, signed, padding.PKCS1v15(), hash), "SSH: RSA signature")
        return flags
    demand(kind == key.type, "SSH: signature of another type")
    if type(key.key) is Ed:
        demand(ed25519_verifies(key.key, value, signed), "SSH: Ed25519 signature")
    else:
        pair = Wire(value)
        r, s = pair.mpint(), pair.mpint()
        pair.end()
        demand(ecdsa_verifies(key.key, r, s, signed, SHA256()), "SSH: ECDSA signature")
    return flags

# --- Section 12.6: rosters
Line = namedtuple("Line", "id namespaces start end key")
OPTION = r'(namespaces|valid-after|valid-before)="([^"]*)"'
NAMESPACES = r"[A-Za-z0-9@._-]{1,64}(?:,[A-Za-z0-9@._-]{1,64}){0,15}"

class Roster:
    def __init__(self, data):
        demand(len(data) <= MAX_FILE, "roster too long")
        text = data.decode()
        demand(not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|\A\ufeff", text), "control character or byte order mark")
        lines = text.removesuffix("\n").split("\n")
        demand(len(lines) <= MAX_ROSTER_LINES, "too many lines")
        self.lines, self.aliases = {}, {}  # by the key's blob; by the person's id
        owners, keys = {}, set()
        for fields in (re.findall(r"[^ \t]+", line) for line in lines):
            if fields and not fields[0].startswith("#"):
                aliases, line = read_roster_line(fields)
                demand(identity(line.key.key) not in keys, "a key is there twice")
                keys.add(identity(line.key.key))
                for alias in aliases:
                    demand(owners.setdefault(alias.lower(), line.id) == line.id, "an alias of two persons")
                self.lines[line.key.blob] = line
                self.aliases.setdefault(line.id, set()).update(aliases)
        self.ids = {fingerprint(blob): line.id for blob, line in self.lines.items()}

    def signer(self, key, *times_ms):
        """The id of the person whose key it is, for approvals and at these times; anything else is refused."""
        demand(key.blob in self.lines, "key is not in the roster")
        line = self.lines[key.blob]
        demand_holds(line, *times_ms)
        return line.id

def demand_holds(line, *times_ms):
    demand(line.namespaces is None or NAMESPACE in line.namespaces, "roster's line is for other namespaces")
    demand_window(line.start, line.end, *times_ms)

def read_roster_line(fields):
    names, *fields = fields
    aliases = names.split(",")
    demand(len(set(aliases)) == len(aliases) <= 16, "principals")
    # Visible ASCII without the five.
    demand(all(re.fullmatch(r"(?!#)[#-)+\-->@-\[\]-~]{1,64}", one) for one in aliases), "principal")
    options = {}
    if fields and fields[0] not in SSH_TYPES:
        given = fields.pop(0)
        demand(re.fullmatch(rf"{OPTION}(,{OPTION})*", given), "options")
        pairs = re.findall(OPTION, given)
        options = dict(pairs)
        demand(len(options) == len(pairs), "an option is there twice")
    demand(len(fields) >= 2, "roster's line ends early")
    key = read_ssh_key(decode_base64(fields[1]))
    demand(key.type == fields[0], "type of a key differs from the line's")
    namespaces = None
    if "namespaces" in options:
        demand(re.fullmatch(NAMESPACES, options["namespaces"]), "namespaces")
        namespaces = options["namespaces"].split(",")
        demand(len(set(namespaces)) == len(namespaces), "a namespace is there twice")
    after, before = (roster_time(options[name]) if name in options else None
                     for name in ("valid-after", "valid-before"))
    demand(None in (after, before) or after < before, "line ends before it starts")
    return aliases, Line(aliases[0], namespaces, 0 if after is None else after * 1000,
                         MAX_INTEGER if before is None else before * 1000 + 999, key)

def roster_time(text):
    demand(re.fullmatch(r"(?:[0-9]{8}|[0-9]{12}|[0-9]{14})Z", text), "time in a roster")
    seconds = seconds_of(text[:-1].ljust(14, "0"))
    demand(seconds > 0, "time in a roster is not after 1970 starts")
    return seconds

# --- Section 13.1: approval statements
NAMESPACE = "approval@provlog"
LABELS = "action log environment subject intent scope reason policy requester nonce expires".split()
OF_DIGESTS = "sha256 sha512_256 sha3_256 dirHash sha384 sha512 blake2b gitCommit gitTree gitBlob gitTag".split()
NOT_IN_TEXT = re.compile("[" + "".join(rf"\U{point:>08}" if point != "-" else "-" for point in re.findall(r"\w+|-", """
    0000-001F 007F-00A0 00AD 0334-0338 034F 0488 0489 0600-0605 061C 06DD 070F 0890 0891 08E2 115F 1160 1680 17B4 17B5
    17D2 180B-180F 1ABE 2000-2015 2028-202F 205F-206F 20D0-20FF 2212 2800 2D7F 3000 3164 A670-A672 D800-F8FF FDD0-FDEF
    FE00-FE0F FEFF FFA0 FFF0-FFFF 1107F 110BD 110CD 13430-1345F 16FE4 1BC9D 1BCA0-1BCA3 1D159 1D173-1D17A 1FFFE 1FFFF
    2FFFE 2FFFF 3FFFE-10FFFF""")) + "]")

Subject = namedtuple("Subject", "digests uri name")  # digests as sorted pairs
Statement = namedtuple(
    "Statement", "action log environment subjects intent scope reason policy requester nonce expires")

def read_token_of_statement(encoded, may_lack=False):
    value = unquote_to_bytes(encoded)
    demand(1 <= len(value) <= MAX_STATEMENT_TOKEN, "token of a statement")
    return None if may_lack and encoded == "-" else value.decode()

def write_token(value):
    if value in (None, "-"):
        return "-" if value is None else "%2D"
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E and byte not in b"@=,%" else f"%{byte:02X}"
                   for byte in value.encode())

def read_text(text, what):
    demand(1 <= len(text.encode()) <= MAX_TEXT[what], "length of a text")
    demand(text == text.strip(" ") and "  " not in text, "spaces of a text")
    demand(not any(f"{label}: " in text for label in LABELS), "a label in a text")
    demand(not any(f"{name}:" in text for name in OF_DIGESTS), "a digest in a text")
    demand(not re.search(r"[\u0300-\u036f]{3}", text) and not NOT_IN_TEXT.search(text), "code points of a text")
    demand(what != "name" or "://" not in text, "an address as a name")
    return text

def read_subject(line):
    digests, uri, *name = line.split(" ", 2)
    pairs = [one.split(":") for one in digests.split(",")]
    values = {algorithm: bytes.fromhex(hexes) for algorithm, hexes in pairs}
    demand(digest(values), "digests of a subject")
    long_one = any(len(value) >= 32 for value in values.values())
    demand(long_one or {"gitCommit", "gitTree"} <= values.keys(), "weak digests")
    return Subject(tuple(sorted(values.items())), read_token_of_statement(uri, may_lack=True),
                   read_text(name[0], "name") if name else None)

def read_statement(text):
    """Whatever is out of order, there twice or encoded otherwise is found by writing it again."""
    demand(len(text.encode()) <= MAX_STATEMENT, "statement too long")
    head, *lines = text.split("\n")
    pairs = [line.split(": ", 1) for line in lines[:-1]]
    given = {label: [value for name, value in pairs if name == label] for label in LABELS}
    scopes = [line.split("=") for line in given["scope"]]
    one = lambda label: given[label][0] if given[label] else None
    demand(all(given[label] for label in LABELS if label not in ("intent", "scope", "reason")), "line is missing")
    demand(len(given["subject"]) <= 64, "too many subjects")
    intent_id, _, purpose = (one("intent") or "").partition(" ")
    named, sha256_of_policy = one("policy").split(" sha256:")
    requester = read_token_of_statement(one("requester"), may_lack=True)
    statement = Statement(
        one("action"), one("log"), one("environment"), [read_subject(line) for line in given["subject"]],
        (read_token_of_statement(intent_id), read_text(purpose, "purpose")) if given["intent"] else None,
        {read_token_of_statement(key): {read_token_of_statement(value) for value in values.split(",")}
         for key, values in scopes},
        read_text(one("reason"), "reason") if given["reason"] else None,
        (*map(read_token_of_statement, named.split("@")), bytes.fromhex(sha256_of_policy)), requester,
        one("nonce"), expires_seconds(one("expires")))
    check_statement(statement, len(text.encode()))
    demand(write_statement(statement) == text, "not as it is written")
    return statement

def check_statement(statement, length):
    demand(statement.action in ("promote", "override", "withdraw"), "action")
    demand((statement.reason is None) == (statement.action == "promote"), "reason")
    demand(statement.intent or not statement.scope and statement.requester is None, "scope or requester without intent")
    demand(ORIGIN.fullmatch(statement.log), "log")
    demand(statement.action == "withdraw" or length <= MAX_STATEMENT_OF_APPROVAL, "statement too long")
    if statement.action == "withdraw":
        [(digests, uri, name)] = statement.subjects
        demand([algorithm for algorithm, _ in digests] == ["sha256"] and uri is name is None, "subject of a withdrawal")
    demand(re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,62}", statement.environment), "environment")
    demand(len(statement.policy) == 3 and len(statement.policy[2]) == 32, "policy")
    demand(re.fullmatch(r"[0-9a-f]{32}", statement.nonce) and int(statement.nonce, 16), "nonce")

def expires_seconds(text):
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z", text)
    demand(match and match[1] >= "1970", "expires")
    return seconds_of("".join(match.groups()))

def write_statement(statement):
    def subject_line(subject):
        digests = ",".join(sorted(f"{algorithm}:{value.hex()}" for algorithm, value in subject.digests))
        words = ["subject:", digests, write_token(subject.uri), subject.name]
        return " ".join(word for word in words if word is not None)

    def scope_line(key, values):
        return f"scope: {write_token(key)}={','.join(sorted(map(write_token, values)))}"

    name, version, policy_digest = statement.policy
    lines = ["provlog-approval/v1", f"action: {statement.action}", f"log: {statement.log}",
             f"environment: {statement.environment}"]
    lines += sorted(set(map(subject_line, statement.subjects)))  # Python's order of texts is that of their bytes
    lines += [f"intent: {write_token(statement.intent[0])} {statement.intent[1]}"] if statement.intent else []
    lines += sorted(scope_line(key, values) for key, values in statement.scope.items())
    lines += [f"reason: {statement.reason}"] if statement.reason is not None else []
    lines += [f"policy: {write_token(name)}@{write_token(version)} sha256:{policy_digest.hex()}",
              f"requester: {write_token(statement.requester)}", f"nonce: {statement.nonce}",
              f"expires: {datetime.fromtimestamp(statement.expires, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"]
    return "".join(f"{line}\n" for line in lines)

# --- Section 13.2: what a statement says of claims
COVERED = ("subject", "environment", "intent", "policy")
COVERED_BY_WITHDRAWAL = ("withdraws", "withdrawal_reason", "environment", "intent", "policy")

def demand_equal(statement, origin, values):
    """All rows of the table but the last. `values` are those of the submitted claims, all of them disclosed."""
    demand(all(claim_fits(name, values[name]) for name in COVERED[1:] if name in values), "claim's type")
    demand(statement.log == origin, "log")
    demand(values.get("environment") == statement.environment, "environment")
    if statement.action == "withdraw":
        [(((_, withdrawn),), _, _)] = statement.subjects
        demand(values.get("withdraws") == {"statement": withdrawn}, "withdraws")
        demand(values.get("withdrawal_reason") == statement.reason, "withdrawal_reason")
    else:
        demand_equal_subjects(statement.subjects, values.get("subject"))
    intent = values.get("intent", {"absent": None})
    if "absent" in intent:
        demand(statement.intent is None, "intent")
    else:
        demand((intent["id"], intent["purpose"]) == statement.intent, "intent")
        demand(("scope" in intent) == bool(statement.scope), "scope")
        in_order = lambda scope: {key: sorted(values) for key, values in scope.items()}
        demand(in_order(intent.get("scope", {})) == in_order(statement.scope), "scope")
        demand(intent.get("requester", {"id": None})["id"] == statement.requester, "requester")
    name, version, of_policy = statement.policy
    demand(values.get("policy") == {"name": name, "version": version, "digest": {"sha256": of_policy}}, "policy")

def demand_equal_subjects(subjects, value):
    demand(value is not None and claim_fits("subject", value), "subject is missing, or its type")
    claimed = [Subject(tuple(sorted(item["digest"].items())), item.get("uri"), item.get("name")) for item in value]
    # No two lines are equal, so as many that are the same are each one.
    demand(len(claimed) == len(subjects) and set(claimed) == set(subjects), "subject")

Approval = namedtuple("Approval", "statement digest key flags approver")

def read_approval(approval, origin, values, actions, time_ms):
    """It, where all but the roster is as it must be."""
    demand(fits(APPROVAL, approval), "approval's type")
    demand({"statement", "signature", "nonce", "expires_at_ms"} <= approval.keys(), "member of an approval")
    statement = read_statement(approval["statement"])
    demand(statement.action in actions, "action")
    demand_equal(statement, origin, values)
    demand(approval["nonce"] == statement.nonce, "nonce")
    demand(approval["expires_at_ms"] == statement.expires * 1000, "expires")
    demand_window(0, statement.expires * 1000, time_ms)
    key, flags = read_ssh_signature(approval["signature"], NAMESPACE, approval["statement"].encode())
    demand(approval.get("key", ssh_line(key)) == ssh_line(key), "key")
    return Approval(statement, sha256(approval["statement"].encode()), key, flags, approval["approver"]["id"])

def ssh_line(key):
    return f"{key.type} {base64.b64encode(key.blob).decode()}"

# --- Section 12.7: what a reader gives
class Given:
    """`issuers` and `bundles` are pairs of an `iss` or a trust domain and a file's bytes, `roster` a file's bytes."""

    def __init__(self, issuers=(), bundles=(), roster=None, require=()):
        demand(set(require) <= {"bound"}, "nothing that can be required")
        for pairs in (issuers, bundles):
            demand(len(dict(pairs)) == len(pairs), "an issuer or a trust domain is given twice")
        demand(all(re.fullmatch(TRUST_DOMAIN, domain) for domain, _ in bundles), "not a trust domain")
        self.issuers = {issuer: read_issuer(data) for issuer, data in issuers}
        self.bundles = {domain: read_bundle(data) for domain, data in bundles}
        self.roster = None if roster is None else Roster(roster)
        self.requires_bound = "bound" in require
        self.check_authorities()

    def check_authorities(self):
        """The key of a CA is in no other domain's bundle."""
        for domain, bundle in self.bundles.items():
            own = {identity(ca.key) for ca in bundle.authorities.values()}
            for other, its in self.bundles.items():
                taken = {identity(one) for one in its.keys.values()}
                taken |= {identity(ca.key) for ca in its.authorities.values()}
                demand(other == domain or not own & taken, "key of a CA is in the bundle of another domain")

def read_given(folder):
    """From a vector's reader.json."""
    file = folder / "reader.json"
    reader = read_json(file.read_bytes()) if file.exists() else {}
    demand(fits({"?issuers": dict, "?bundles": dict, "?roster": str, "?require": [str]}, reader), "reader.json")
    pairs = lambda name: [(key, (folder / named).read_bytes()) for key, named in reader.get(name, {}).items()]
    roster = (folder / reader["roster"]).read_bytes() if "roster" in reader else None
    return Given(pairs("issuers"), pairs("bundles"), roster, reader.get("require", []))

# --- Section 12.7: the checks
def evidence_checks(record, checkpoint, given):
    if record.kind is None:
        return [("workload-bound", "fail")] if given.requires_bound else []
    origin = checkpoint.origin
    own = read_own_approval(record, origin)
    return (workload_checks(record, read_workload(record, origin), given, given.requires_bound)
            + approval_checks(record, own, given) + promotion_checks(record, origin, given))

def shown(claim):
    """A disclosed claim's value where it is a map, otherwise an empty one."""
    return claim.value if claim and type(claim.value) is dict else {}

def workload_checks(record, workload, given, is_required):
    if workload is None:
        return [("workload-bound", "fail")] if is_required else []
    form, read = workload
    proof = read.proof(given) if read else None
    bound = form if form != "pass" else "skip" if proof is None else passes(proof)
    return [("workload-form", form), ("workload-bound", passes(bound == "pass") if is_required else bound)]

def read_workload(record, origin):
    """The status of `workload-form`, and the evidence where it passes. None where nothing is listed."""
    evidence, workload = (record.sections["attested"].get(name) for name in ("workload_evidence", "workload"))
    if evidence is None and shown(workload).get("binding") != "statement":
        return None
    if any(claim and claim.hidden for claim in (evidence, workload)):
        return "skip", None
    try:
        read = read_evidence(record, origin, evidence)
        demand_window(*read.window, record.time_ms)
        demand(workload and claim_fits("workload", workload.value), "no workload")
        said = {name: value for name, value in workload.value.items() if name != "verified_at_ms"}
        demand(said == read.workload, "workload is not what the evidence makes of it")
    except Unknown:
        return "skip", None
    except ValueError:
        return "fail", None
    return "pass", read

def read_evidence(record, origin, evidence):
    demand(evidence, "no evidence")
    format = shown(evidence).get("format")
    if type(format) is str and format not in ("jwt", "x509-svid"):
        raise Unknown
    demand(claim_fits("workload_evidence", evidence.value), "evidence's type")
    if format == "jwt":
        return read_token(evidence.value, origin, record.digests[0])
    check_member(evidence.value["bundle"])
    return read_svid(evidence.value, origin, record.digests[0], record.time_ms)

MEMBER_NAME = "m(?:0[1-9]|[1-5][0-9]|60)"

def check_member(member):
    """Section 12.1."""
    demand(re.fullmatch(MEMBER_NAME, member["claim"]), "member's claim")
    demand("origin" not in member["set"] and member["index"] <= member["set"]["index"], "member of a set")

# What the approval of an entry of these kinds is read with: actions, and names of claims.
OF_KIND = {"approval": (("promote", "override"), COVERED), "withdrawal": (("withdraw",), COVERED_BY_WITHDRAWAL)}

def read_own_approval(record, origin):
    """The status of `approval-form`, and the approval where it passes. None where nothing is listed."""
    claims, kind = record.sections["submitted"], KINDS.get(record.kind)
    statement = shown(claims.get("approval")).get("statement")
    if kind not in OF_KIND or type(statement) is not str or not statement.startswith("provlog-approval/"):
        return None  # in words of its own, it is the submitter's
    actions, names = OF_KIND[kind]
    if statement.split("\n")[0] != "provlog-approval/v1" or hides(claims, names):
        return "skip", None
    try:
        return "pass", read_approval(claims["approval"].value, origin, values_of(claims), actions, record.time_ms)
    except ValueError:
        return "fail", None

def approval_checks(record, own, given):
    if own is None:
        return []
    form, approval = own
    signed = form
    if form == "pass":
        signed = "skip" if given.roster is None else passes(
            is_signed_by_approver(given.roster, approval, record.time_ms))
    return [("approval-form", form), ("approval-signed", signed)]

def is_signed_by_approver(roster, approval, *times_ms):
    try:
        return approval.approver in roster.aliases[roster.signer(approval.key, *times_ms)]
    except ValueError:
        return False

def hides(claims, names):
    return any(name in claims and claims[name].hidden for name in names)

def values_of(claims):
    return {name: claim.value for name, claim in claims.items() if not claim.hidden}

# An approval that is an entry of its own, as a package gives it: its time, whether it hides a claim that is read of it,
# and what `read_own_approval` makes of it.
ApprovalEntry = namedtuple("ApprovalEntry", "time_ms is_hidden status approval")

def promotion_checks(record, origin, given, entry_at=lambda index, leaf: None):
    """`entry_at` has the approvals that are entries of their own, which no receipt has."""
    claim = record.sections["attested"].get("approval_checks")
    if KINDS.get(record.kind) != "promotion" or claim is None or type(claim.value) is not list:
        return []
    return [(f"approval:{number}", promotion_status(record, origin, claim.value, item, given, entry_at))
            for number, item in enumerate(claim.value)]

def is_list_of_items(items):
    """Section 13.2, its last paragraph."""
    if not claim_fits("approval_checks", items) or len(items) > MAX_APPROVAL_CHECKS:
        return False
    return all(before["at"] < item["at"] for before, item in zip(items, items[1:]))

def promotion_status(record, origin, items, item, given, entry_at):
    claims = record.sections["submitted"]
    values = values_of(claims)
    approval = approval_at(values.get("approvals"), item)
    entry = entry_at(*reference(approval, origin)) if reference(approval, origin) else None
    if hides(claims, ("approvals", *COVERED)) or entry and entry.is_hidden:
        return "skip"
    if not is_list_of_items(items):
        return "fail"
    is_given = entry.status != "skip" if entry else not is_reference(approval)
    if given.roster is None or not is_given:
        return "skip"
    try:
        check_member(item["roster"])
        if entry:
            read = demand_entry_covers(entry, origin, values, record.time_ms)
        else:
            read = read_approval(approval, origin, values, ("promote", "override"), record.time_ms)
        demand_item(item, read, [other["fingerprint"] for other in items if other["signer"] != item["signer"]],
                    given.roster, *([entry.time_ms] if entry else []), record.time_ms)
    except ValueError:
        return "fail"
    return "pass"

def approval_at(approvals, item):
    """What the item is of; None where it is of nothing, or isn't an item at all."""
    at = item.get("at") if type(item) is dict else None
    is_there = type(approvals) is list and uint53(at) and at < len(approvals)
    return approvals[at] if is_there else None

def demand_entry_covers(entry, origin, values, time_ms):
    demand(entry.status == "pass", "approval's entry")
    demand_equal(entry.approval.statement, origin, values)
    demand_window(0, entry.approval.statement.expires * 1000, time_ms)
    return entry.approval

def demand_item(item, approval, fingerprints_of_others, roster, *times_ms):
    demand(approval.digest == item["statement"], "another statement")
    demand(fingerprint(approval.key.blob) == item["fingerprint"], "another key")
    said = {name: item[name] for name in Flags._fields if name in item}
    demand(said == (approval.flags._asdict() if approval.flags else {}), "other flags")
    person = roster.signer(approval.key, *times_ms)
    demand(is_signed_by_approver(roster, approval, *times_ms), "not the approver")
    demand(person not in map(roster.ids.get, fingerprints_of_others), "one person as two signers")
