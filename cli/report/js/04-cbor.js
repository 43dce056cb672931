// The CBOR profile of SPEC.md section 1. Values become numbers, Uint8Arrays, strings, arrays, Maps, booleans and null.

const [UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP] = [0, 1, 2, 3, 4, 5];

class CborReader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
    // Of the head that was read last.
    this.major = 0;
    this.argument = 0;
  }

  demand(condition, problem) {
    if (!condition) throw new Refusal(`CBOR at byte ${this.at}: ${problem}`);
  }

  /** Reads a head: its major type and argument, which for integers above 2^53 is rounded, and then refused. */
  head() {
    const { bytes } = this;
    this.demand(this.at < bytes.length, "the input ends within an item");
    const first = bytes[this.at];
    this.major = first >> 5;
    const low = first & 31;
    this.at += 1;
    if (low < 24) {
      this.argument = low;
      return;
    }
    this.demand(this.major < 7, "expected true, false or null among the simple values");
    this.demand(low < 28, low === 31 ? "indefinite lengths are not allowed" : "a reserved head");
    const width = 1 << (low - 24);
    this.demand(this.at + width <= bytes.length, "the input ends within an item");
    let argument = 0;
    for (let end = this.at + width; this.at < end; this.at += 1) argument = argument * 256 + bytes[this.at];
    this.demand(argument >= (width === 1 ? 24 : 2 ** (4 * width)), "expected the shortest head");
    this.argument = argument;
  }

  /** The head of an item of this type; gives its length, which can't be above the bytes left: every item has one. */
  length(major, name) {
    this.head();
    this.demand(this.major === major, `expected ${name}`);
    this.demand(this.argument <= this.bytes.length - this.at, "the input ends within an item");
    return this.argument;
  }

  take(count) {
    this.demand(count <= this.bytes.length - this.at, "the input ends within an item");
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  text(bytes) {
    const text = fromUtf8(bytes);
    this.demand(text !== null, "text is not UTF-8");
    return text;
  }

  byteString() {
    return this.take(this.length(BYTES, "a byte string"));
  }

  atByteString() {
    return this.bytes[this.at] >> 5 === BYTES;
  }

  /** The bytes of a map's next key, which must come after those of the one before. */
  key(previous) {
    const key = this.take(this.length(TEXT, "a text as the key of a map"));
    // Heads grow with the length, so a shorter key comes first.
    const ascends = previous === null || key.length > previous.length
      || (key.length === previous.length && compareBytes(key, previous) > 0);
    this.demand(ascends, "map keys must ascend strictly, by length and then bytewise");
    return key;
  }

  /** Any item, nested at most `depth` deep. */
  value(depth) {
    this.head();
    const { major, argument } = this;
    switch (major) {
      case UNSIGNED:
      case NEGATIVE: {
        const integer = major === UNSIGNED ? argument : -1 - argument;
        this.demand(Number.isSafeInteger(integer), "integers are limited to +-(2^53-1)");
        return integer;
      }
      case BYTES:
        return this.take(argument);
      case TEXT:
        return this.text(this.take(argument));
      case ARRAY: {
        this.open(depth, argument);
        const items = [];
        for (let n = 0; n < argument; n += 1) items.push(this.value(depth - 1));
        return items;
      }
      case MAP: {
        this.open(depth, argument);
        const members = new Map();
        let key = null;
        for (let n = 0; n < argument; n += 1) {
          key = this.key(key);
          members.set(this.text(key), this.value(depth - 1));
        }
        return members;
      }
      case 6:
        return this.demand(false, "tags are not allowed");
      default:
        this.demand(argument >= 20 && argument <= 22, "expected true, false or null among the simple values");
        return [false, true, null][argument - 20];
    }
  }

  open(depth, count) {
    this.demand(depth > 0, "arrays and maps are nested too deep");
    this.demand(count <= this.bytes.length - this.at, "the input ends within an item");
  }
}

/** A value as compact JSON, bytes in hex (SPEC.md section 11.4). */
function jsonText(value) {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Uint8Array) return `"${hex(value)}"`;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (value instanceof Map) {
    return `{${Array.from(value, ([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`).join(",")}}`;
  }
  return String(value);
}
