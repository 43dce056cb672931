// Verifier keys and Ed25519 by the strict rule of SPEC.md section 5. The browser checks the equation, without cofactor;
// what some of them let pass beyond the rule is refused before they are asked.

const FIELD = 2n ** 255n - 19n;
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

const KEY_ED25519 = 0x01;
const KEY_COSIGNATURE = 0x04;

const NAME_BYTES_MAX = 255;

function power(base, exponent) {
  let result = 1n;
  for (let square = base % FIELD; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * square) % FIELD;
    square = (square * square) % FIELD;
  }
  return result;
}

const inverse = (number) => power(number, FIELD - 2n);

/** The d of the curve -x^2 + y^2 = 1 + d x^2 y^2. */
const CURVE_D = ((FIELD - 121665n) * inverse(121666n)) % FIELD;

/**
 * The y of the points of small order: of order 1, 2 and 4 they are 1, -1 and 0. A point of order 8 doubles to one whose y
 * is 0, so that d y^4 + 2 y^2 - 1 = 0: y^2 = (sqrt(1 + d) - 1) / d, for the sign of the root that has a root itself.
 */
const SMALL_ORDER_YS = (() => {
  const ys = new Set([0n, 1n, FIELD - 1n]);
  const root = squareRoot((1n + CURVE_D) % FIELD);
  for (const signed of [root, FIELD - root]) {
    const y = squareRoot(((signed + FIELD - 1n) * inverse(CURVE_D)) % FIELD);
    if (y !== null) ys.add(y).add(FIELD - y);
  }
  return ys;
})();

/** A square root modulo 2^255-19, or null. */
function squareRoot(square) {
  // The field's order is 5 modulo 8: one of these two is a root, if there is one.
  const candidate = power(square, (FIELD + 3n) / 8n);
  const other = (candidate * power(2n, (FIELD - 1n) / 4n)) % FIELD;
  return [candidate, other].find((root) => (root * root) % FIELD === square) ?? null;
}

function littleEndian(bytes) {
  let number = 0n;
  for (let at = bytes.length - 1; at >= 0; at -= 1) number = (number << 8n) | BigInt(bytes[at]);
  return number;
}

/** The y of an encoded point; without the bit that is x's sign. */
const encodedY = (bytes) => littleEndian(bytes) & (2n ** 255n - 1n);

/** Whether these 32 bytes are the canonical encoding of a point that is not of small order. */
function isUsableKey(bytes) {
  const y = encodedY(bytes);
  if (y >= FIELD || SMALL_ORDER_YS.has(y)) return false;
  const ySquared = (y * y) % FIELD;
  const xSquared = ((ySquared - 1n) * inverse((CURVE_D * ySquared + 1n) % FIELD)) % FIELD;
  // Euler: a square to this power is 1. It is 0 for small orders only.
  return power(xSquared, (FIELD - 1n) / 2n) === 1n;
}

/** This browser can't check Ed25519 signatures. */
class Ed25519Unsupported extends Error {}

/** The browser's own check of the equation. */
async function subtleEd25519(key, signature, message) {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) throw new Ed25519Unsupported();
  let imported;
  try {
    imported = await subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    // The key itself is known to be good.
    throw new Ed25519Unsupported();
  }
  return subtle.verify({ name: "Ed25519" }, imported, signature, message);
}

/** Whether `signature` is this key's over `message`. `equation` is the part that is left to the browser. */
async function ed25519Verifies(key, signature, message, equation) {
  if (signature.length !== 64) return false;
  const r = encodedY(signature.subarray(0, 32));
  const s = littleEndian(signature.subarray(32));
  if (r >= FIELD || SMALL_ORDER_YS.has(r) || s >= GROUP_ORDER) return false;
  return equation(key.publicKey, signature, message);
}

/** Whether this can be the name of a key: 1 to 255 bytes without white space, control characters and plus signs. */
function isKeyName(name) {
  return name.length > 0 && encoder.encode(name).length <= NAME_BYTES_MAX && !/[\p{White_Space}\p{Cc}+]/u.test(name);
}

/** Reads `<name>+<8 hex digits>+<base64(type || key)>`. */
function parseVerifierKey(vkey) {
  const form = "a verifier key is <name>+<8 hex digits>+<base64>";
  // Base64 may have plus signs in it.
  const [, name, id, encoded] = /^([^+]*)\+([^+]*)\+(.*)$/su.exec(vkey) ?? [];
  demand(name !== undefined, form);
  const typed = fromBase64(encoded);
  demand(typed !== null && typed.length > 0, form);
  const type = typed[0];
  const known = type === KEY_ED25519 || type === KEY_COSIGNATURE;
  demand(known, `key type ${type}: this version verifies 1 (Ed25519) and 4 (Ed25519 cosignature)`);
  demand(typed.length === 33, form);
  demand(isKeyName(name), `${JSON.stringify(name)} is no name of a key`);
  const publicKey = typed.subarray(1);
  demand(isUsableKey(publicKey), "a usable key is the canonical encoding of a point that is not of small order");
  const expected = sha256(encoder.encode(`${name}\n`), typed).subarray(0, 4);
  demand(id === hex(expected), `key hash: expected ${hex(expected)} for this name and key, got ${JSON.stringify(id)}`);
  return { name, id: expected, type, publicKey, text: vkey, fingerprint: hex(sha256(encoder.encode(vkey))) };
}
