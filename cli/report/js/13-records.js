// One pass over the records, with their texts beside them and the proof's nodes: SPEC.md sections 11.1 and 11.3 to 11.5.

const ITEM_BYTES_MAX = 48_010;

/** Most nodes that one leaf can take from the proof: a path down and one up, of 53 levels each. */
const NODES_PER_LEAF_MAX = 2 * 53;

/** After this much work without a break the page gets its turn. */
const TURN_MS = 40;

/** Lets the page draw and answer. */
const pause = () => new Promise((resume) => setTimeout(resume));

/** Where each record of a file lies, and what lists of records need to know of it. Grows by doubling. */
class RecordTable {
  constructor() {
    this.count = 0;
    this.resize(1024);
  }

  resize(capacity) {
    const grown = (type, old) => {
      const array = new type(capacity);
      if (old !== undefined) array.set(old);
      return array;
    };
    this.indices = grown(Float64Array, this.indices);
    this.timesMs = grown(Float64Array, this.timesMs);
    this.offsets = grown(Float64Array, this.offsets);
    this.lengths = grown(Uint32Array, this.lengths);
    this.kinds = grown(Uint8Array, this.kinds);
  }

  add(index, record, offset, length) {
    const place = this.count;
    if (place === this.indices.length) this.resize(2 * place);
    this.indices[place] = index;
    this.timesMs[place] = record.timeMs;
    this.offsets[place] = offset;
    this.lengths[place] = length;
    this.kinds[place] = record.kind;
    this.count += 1;
  }

  /** The place of the record with this index, or -1. */
  find(index) {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.indices[middle] < index) low = middle + 1;
      else high = middle;
    }
    return low < this.count && this.indices[low] === index ? low : -1;
  }
}

/** A text of the records, compared with what they say while they are read. */
class Mirror {
  constructor(name, file) {
    this.name = name;
    this.file = file;
    this.fault = null;
  }

  async compare(text, place) {
    if (this.file === null || this.fault !== null) return;
    const expected = encoder.encode(text);
    try {
      if (this.file.available < expected.length) await this.file.fill(expected.length);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      this.fault = error.message;
      return;
    }
    if (!sameBytes(this.file.take(expected.length), expected)) this.fault = `differs at ${place}`;
  }

  /** The checks of the file and of its content, where every record held. */
  async finish() {
    const text = "the text of the records";
    if (this.file === null) return { content: compared(this.name, text, "no such file", false) };
    if (this.fault === null) {
      const file = await this.file.finish();
      const more = this.file.available > 0 || !this.file.ended;
      const content = more ? compared(this.name, text, "bytes after the last record's", false) : passed(this.name);
      return { file, content };
    }
    return {
      file: compared(`file:${this.file.name}`, text, this.fault, false),
      content: compared(this.name, text, this.fault, false),
    };
  }
}

/** The proof's nodes, one after the other. */
class ProofNodes {
  constructor(file) {
    this.file = file;
    this.fault = null;
  }

  /** Has enough in hand for one leaf, unless the file ends before. */
  async prepare() {
    const want = 32 * NODES_PER_LEAF_MAX;
    if (this.file === null || this.fault !== null || this.file.available >= want) return;
    try {
      await this.file.fill(want);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      this.fault = error.message;
    }
  }

  next() {
    if (this.file === null || this.file.available === 0) return null;
    const hash = this.file.take(32);
    if (hash.length === 32) return hash;
    this.fault ??= `expected hashes of 32 bytes, got ${hash.length} at the end`;
    return null;
  }
}

/** Reads and checks all records. `files` holds those that there are; `visit` is shown each record that holds, and told
 * whether its approvals lead to one that is here and of one of its subjects. */
class RecordsWalk {
  constructor(manifest, size, files, visit) {
    this.manifest = manifest;
    this.file = files.records;
    this.mirrors = [new Mirror("jsonl", files.jsonLines), new Mirror("csv", files.csv)];
    this.nodes = new ProofNodes(files.proof);
    /** Entries in the tree: an index from here on is of no entry, and nothing behind it is read. */
    this.size = size;
    this.tree = new MultiproofWalk(size, () => this.nodes.next());
    this.visit = visit;
    this.table = new RecordTable();
    /** Why the next record is refused: nothing is read beyond it. */
    this.refused = this.file === null ? `${RECORDS} can't be read` : null;
    this.notAskedFor = null;
    this.shown = null;
    /** Claims that are hidden, and entries with any. */
    this.hidden = { claims: 0, entries: 0 };
    this.references = new References(manifest.origin);
    /** In the package of an entry, what its records name. */
    this.names = manifest.filters.entry === null ? null : new Names(manifest.origin);
    this.signatures = new UncheckedSignatures();
    this.gap = null;
    this.offset = 0;
  }

  async run() {
    const [json, csv] = this.mirrors;
    await csv.compare(csvHeader(this.manifest.version), "the first row");
    let turnEnds = performance.now() + TURN_MS;
    try {
      while (this.refused === null && await this.more()) {
        await this.nodes.prepare();
        const { index, record } = this.next();
        if (json.file !== null) await json.compare(jsonLine(index, record), `entry ${index}`);
        if (csv.file !== null) await csv.compare(csvRow(index, record, this.manifest.version), `entry ${index}`);
        if (performance.now() > turnEnds) {
          await pause();
          turnEnds = performance.now() + TURN_MS;
        }
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.refused = error.message;
    }
    await this.nodes.prepare();
    this.root = this.tree.finish();
  }

  /** Whether another item follows; if so, as much of it is in hand as an item can have. */
  async more() {
    if (this.file.available < ITEM_BYTES_MAX) await this.file.fill(ITEM_BYTES_MAX);
    return this.file.available > 0;
  }

  /** Reads and checks the next item: `[index, record]`. */
  next() {
    const { table } = this;
    const last = table.count > 0 ? table.count - 1 : null;
    const item = this.file.bytes.subarray(this.file.at, this.file.at + ITEM_BYTES_MAX);
    const reader = new CborReader(item);
    let index = null;
    try {
      demand(reader.length(ARRAY, "[index, record]") === 2, "expected [index, record]");
      const found = reader.value(0);
      demand(typeof found === "number" && found >= 0, "expected an index");
      demand(last === null || found > table.indices[last], "expected an index above the one before");
      demand(found < this.size, `expected an index below ${this.size}, the size of the checkpoint's tree`);
      index = found;
      const start = reader.at;
      const record = readRecord(reader);
      demand(digestsMatch(record), "the claims don't match the digests in the entry");
      const inOrder = last === null || record.timeMs >= table.timesMs[last];
      demand(inOrder, "its time is earlier than that of the entry before");
      this.accept(index, record, this.offset + start, reader.at - start);
      this.file.take(reader.at);
      this.offset += reader.at;
      return { index, record };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const before = last === null ? "the first item" : `the item after entry ${table.indices[last]}`;
      throw new Refusal(`${index === null ? before : `entry ${index}`}: ${error.message}`);
    }
  }

  accept(index, record, offset, length) {
    const { manifest, table } = this;
    if (table.count > 0) {
      const expected = table.indices[table.count - 1] + 1;
      if (this.gap === null && index !== expected) this.gap = expected;
    }
    table.add(index, record, offset, length);
    this.tree.leaf(index, record.leafHash);
    if (this.notAskedFor === null && !admits(manifest.filters, record)) this.notAskedFor = `entry ${index}`;
    if (this.shown === null) {
      const claim = shownAgainst(manifest.redaction, record);
      if (claim !== null) this.shown = `${claim} of entry ${index}`;
    }
    const approved = this.references.add(index, record);
    this.names?.add(index, record);
    this.signatures.add(record);
    const hidden = hiddenNames(record).length;
    this.hidden.claims += hidden;
    this.hidden.entries += hidden > 0 ? 1 : 0;
    this.visit(record, approved);
  }

  /** What contradicts the filters, or null. */
  contradiction() {
    const { filters, leftOut } = this.manifest;
    if (this.names === null) return this.notAskedFor;
    return this.names.problem(filters.entry, leftOut);
  }

  /** `{first, last}`: the entries at the ends, each `{index, timeMs}`; null where there is none. */
  ends() {
    const { table } = this;
    if (table.count === 0) return null;
    const at = (place) => ({ index: table.indices[place], timeMs: table.timesMs[place] });
    return { first: at(0), last: at(table.count - 1) };
  }
}

/** What is hidden, by which rule, and whether that rule was checked. It isn't where the manifest lists no claims. */
function hiddenCheck(redaction, { claims, entries }) {
  const of = entries === 1 ? "1 entry" : `${entries} entries`;
  const got = claims === 0 ? "no claim is hidden" : claims === 1 ? "1 claim is hidden" : `${claims} claims of ${of} are hidden`;
  switch (redaction.rule) {
    case "hide":
    case "keep":
      return passed("redaction", got);
    case "profile":
      return { ...skipped("redaction", `the maker's rule "${redaction.profile}" says what is hidden, and was not checked`), got };
    default:
      return { ...skipped("redaction", "the manifest names no rule to check"), got };
  }
}
