// Texts of bytes and numbers, each with one spelling, and the error that every refusal of input is.

/** Input that isn't what it must be. Its message says what was expected, and what was found. */
class Refusal extends Error {}

function demand(condition, message) {
  if (!condition) throw new Refusal(message);
}

const INTEGER_MAX = Number.MAX_SAFE_INTEGER;

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function hex(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 1) text += HEX_OF_BYTE[bytes[at]];
  return text;
}

/** The bytes that lowercase hex spells, or null. */
function fromHex(text) {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/** The bytes of RFC 4648 base64, padded and with unused bits of zero (SPEC.md section 5), or null. */
function fromBase64(text) {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  try {
    const binary = atob(text);
    // Writing it again is what finds bits that no byte uses.
    return btoa(binary) === text ? Uint8Array.from(binary, (character) => character.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}

// A byte order mark is a character like any other.
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The text of these bytes, or null where they are not UTF-8. */
function fromUtf8(bytes) {
  // Short ASCII is most of what records hold, and a call of the decoder costs more than it.
  if (bytes.length < 256) {
    let ascii = true;
    for (let at = 0; ascii && at < bytes.length; at += 1) ascii = bytes[at] < 0x80;
    if (ascii) return String.fromCharCode.apply(null, bytes);
  }
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return null;
  }
}

/** A decimal from 0 to 2^53-1, digits only and without leading zeros, or null. */
function fromDecimal(text) {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return null;
  const number = Number(text);
  return number <= INTEGER_MAX ? number : null;
}

function sameBytes(a, b) {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

/** Below 0 where `a` stands before `b`, above 0 where behind, byte by byte. */
function compareBytes(a, b) {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at += 1) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

const byBytes = (a, b) => compareBytes(encoder.encode(a), encoder.encode(b));

/**
 * A value's one spelling, so that values are compared and not how they were written: members by name, Maps as objects,
 * Sets as sorted arrays, bytes in hex.
 */
function canonical(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "undefined";
  if (value instanceof Uint8Array) return canonical(hex(value));
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof Set) return `[${[...value].map(canonical).sort().join(",")}]`;
  const members = value instanceof Map ? [...value] : Object.entries(value);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).sort().join(",")}}`;
}

// The calendar repeats after 400 years. Dates of JavaScript end before the largest time of an entry does.
const ERA_MS = 146_097 * 86_400_000;

/** `2026-01-31T23:59:59.999Z`. */
function rfc3339(ms) {
  const within = new Date(ms % ERA_MS);
  const year = within.getUTCFullYear() + 400 * Math.floor(ms / ERA_MS);
  return String(year).padStart(4, "0") + within.toISOString().slice(4);
}
