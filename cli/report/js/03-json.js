// JSON as SPEC.md section 4.4 has it: no floats, no `-0`, integers within 2^53-1, no name twice. JSON.parse takes all of
// these, and of a name that is there twice it keeps the last, so that two readers could see two manifests.

/** Deepest nesting of arrays and objects. */
const JSON_DEPTH_MAX = 32;

const JSON_ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** Reads exactly one value. Objects become Maps, so no name means anything to JavaScript. */
function parseJson(bytes) {
  const text = fromUtf8(bytes);
  demand(text !== null, "JSON: expected UTF-8");
  const parser = new JsonParser(text);
  const value = parser.value(0);
  parser.space();
  parser.demand(parser.at === text.length, "nothing more");
  return value;
}

class JsonParser {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  demand(condition, expected) {
    demand(condition, `JSON at character ${this.at}: expected ${expected}`);
  }

  /** What a sticky pattern matches here, passed over. */
  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.at = pattern.lastIndex;
    return found[0];
  }

  space() {
    this.match(/[ \t\n\r]*/y);
  }

  /** The next character that isn't space, passed over if it is the wanted one. */
  takes(character) {
    this.space();
    const found = this.text[this.at] === character;
    if (found) this.at += 1;
    return found;
  }

  value(depth) {
    this.space();
    switch (this.text[this.at]) {
      case "{":
        return this.object(depth + 1);
      case "[":
        return this.array(depth + 1);
      case '"':
        return this.string();
      default: {
        const word = this.match(/null|true|false/y);
        return word === null ? this.integer() : { null: null, true: true, false: false }[word];
      }
    }
  }

  integer() {
    const number = this.match(/-?(?:0|[1-9][0-9]*)/y);
    this.demand(number !== null, "a value");
    const integer = Number(number);
    const whole = number !== "-0" && Math.abs(integer) <= INTEGER_MAX && !/[.eE0-9]/.test(this.text[this.at] ?? "");
    this.demand(whole, "an integer within +-(2^53-1), without fraction, exponent or minus zero");
    return integer;
  }

  string() {
    this.at += 1;
    let string = "";
    for (;;) {
      // Control characters have to be escaped.
      string += this.match(/[^"\\\u0000-\u001f]*/y);
      const end = this.text[this.at];
      this.demand(end === '"' || end === "\\", "the end of a string");
      this.at += 1;
      if (end === '"') break;
      const escape = this.text[this.at];
      if (escape === "u") {
        const digits = this.match(/u[0-9a-fA-F]{4}/y);
        this.demand(digits !== null, "four hex digits");
        string += String.fromCharCode(Number.parseInt(digits.slice(1), 16));
      } else {
        this.demand(Object.hasOwn(JSON_ESCAPES, escape ?? ""), "an escape");
        string += JSON_ESCAPES[escape];
        this.at += 1;
      }
    }
    // Half of a surrogate pair is no character.
    this.demand(!/\p{Surrogate}/u.test(string), "characters");
    return string;
  }

  array(depth) {
    this.demand(depth <= JSON_DEPTH_MAX, `at most ${JSON_DEPTH_MAX} nested arrays and objects`);
    this.at += 1;
    const items = [];
    if (this.takes("]")) return items;
    do items.push(this.value(depth));
    while (this.takes(","));
    this.demand(this.takes("]"), "the end of an array");
    return items;
  }

  object(depth) {
    this.demand(depth <= JSON_DEPTH_MAX, `at most ${JSON_DEPTH_MAX} nested arrays and objects`);
    this.at += 1;
    const members = new Map();
    if (this.takes("}")) return members;
    do {
      this.space();
      this.demand(this.text[this.at] === '"', "a name");
      const name = this.string();
      this.demand(!members.has(name), `a name once: ${JSON.stringify(name)} is there twice`);
      this.demand(this.takes(":"), "a colon");
      members.set(name, this.value(depth));
    } while (this.takes(","));
    this.demand(this.takes("}"), "the end of an object");
    return members;
  }
}
