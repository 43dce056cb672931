// The door: is everything in this package proven, for whoever believes this trust file? SPEC.md section 11.7.

const FILES_MAX = 32;
const CONSISTENCY_BYTES_MAX = 3_392;
const REPORT_BYTES_MAX = 67_108_864;

/** The order of the checks of files. */
const FILE_ORDER = [CHECKPOINT, RECORDS, JSON_LINES, CSV, PROOF, PREVIOUS_CHECKPOINT, CONSISTENCY, REPORT];

/** The checks of what the records say, which are skipped where one is refused, or where there is none to look at. */
const OF_RECORDS = ["count", "filters", "redaction", "references", "proof", "completeness", "jsonl", "csv"];

/** Files that are as large as the tree, or larger than anything else that is read. */
const BOUND_BY_THE_CHECKPOINT = [RECORDS, JSON_LINES, CSV, PROOF, REPORT];

/** Files that a page never holds. */
const NEVER_HELD = [JSON_LINES, CSV, REPORT];

const NOT_HELD = "this page doesn't hold it: choose the package's files to check it too";
const NOT_READ_ON = "not read beyond the record that is refused";
const NOT_BELIEVED = "not read: the checkpoint is not believed";

/**
 * Verifies a package.
 *
 * `files` is a list of `{name, blob}`. `options`:
 * - `statement`: the manifest as bytes, where the files are what a page holds; `held` then says whether the page claims
 *   to hold the records.
 * - `summary`: what a page counts. It is counted again where the files are what the page holds, or the package that its
 *   statement, the manifest `pageOf`, speaks of.
 * - `progress`: called with the part that is done, from 0 to 1.
 * - `ed25519`: the check of the equation, where it isn't the browser's own.
 *
 * Gives `{verdict, exit, checks, problem, manifest, table, trust, first, last, unread, signatures, names}` and never throws;
 * `unread` says whether no record was read as the checkpoint is not believed, `signatures` how many entries have some that are
 * not checked here, and `names` what those of the package of an entry name. Beyond SPEC.md's verdicts there are "unsupported", where
 * nothing failed and the browser can't check signatures, and "choose files", where nothing failed and the records aren't
 * there; both have no exit code.
 */
async function verifyPackage(files, trustText, options = {}) {
  let trust;
  try {
    trust = parseTrust(trustText);
  } catch (error) {
    return refusal("untrusted", 5, [], error);
  }
  const check = new PackageCheck(trust, options);
  try {
    await check.open(files);
  } catch (error) {
    return { ...refusal("malformed", 8, [{ name: "format", status: "fail", got: error.message }], error), trust };
  }
  try {
    return await check.run();
  } catch (error) {
    return { ...refusal("malformed", 8, [{ name: "format", status: "fail", got: error.message }], error), trust };
  }
}

const refusal = (verdict, exit, checks, error) => {
  const problem = error instanceof Refusal ? error.message : `this page's program failed: ${error.message}`;
  const nothing = { manifest: null, table: null, trust: null, first: null, last: null, unread: false, signatures: null, names: null };
  return { verdict, exit, checks, problem, ...nothing };
};

class PackageCheck {
  constructor(trust, options) {
    this.trust = trust;
    this.statement = options.statement ?? null;
    this.inPage = this.statement !== null;
    this.held = options.held ?? true;
    this.summary = options.summary ?? null;
    this.pageOf = options.pageOf ?? null;
    this.progress = options.progress ?? (() => {});
    this.equation = options.ed25519 ?? subtleEd25519;
    /** Checks of files by name, and of what is in them, in order. */
    this.ofFiles = new Map();
    this.checks = [];
  }

  /** Looks at the listing and the manifest. */
  async open(files) {
    this.blobs = new Map();
    demand(files.length <= FILES_MAX, `a package has at most ${FILES_MAX} files, got ${files.length}`);
    for (const { name, blob } of files) {
      demand(!/[/\\]/.test(name), `${JSON.stringify(name)}: a package has plain files only, and no folders`);
      demand(!this.blobs.has(name), `${JSON.stringify(name)} is there twice`);
      this.blobs.set(name, blob);
    }
    let bytes = this.statement;
    if (!this.inPage) {
      demand(this.blobs.has(MANIFEST), `${MANIFEST}: it is missing`);
      bytes = await wholeBlob(this.blobs.get(MANIFEST), MANIFEST_BYTES_MAX, MANIFEST);
    }
    try {
      this.manifest = parseManifest(bytes, this.inPage);
    } catch (error) {
      throw error instanceof Refusal ? new Refusal(`${MANIFEST}: ${error.message}`) : error;
    }
    this.manifestBytes = bytes;
  }

  async run() {
    let [total, done] = [0, 0];
    for (const [name, { size }] of this.manifest.files) if (this.blobs.has(name)) total += size;
    this.read = (bytes) => {
      done += bytes;
      this.progress(Math.min(1, done / Math.max(1, total)));
    };
    await this.checkListing();
    const signed = await this.checkCheckpoint();
    this.unread = signed === null || this.checks.some(({ trust, status, name }) => trust && status === "fail" && name !== "quorum");
    const walk = this.unread ? this.leaveUnread() : await this.checkRecords(signed);
    await this.checkConsistency(signed);
    if (!this.unread) await this.checkReport();
    if (this.recounts) this.checks.push(this.summaryCheck(walk));
    return this.result(walk);
  }

  result(walk) {
    // A Set, as a file that belongs into other packages may be one that this manifest doesn't list.
    const known = new Set([MANIFEST, ...this.unlisted, ...FILE_ORDER]);
    const ofFiles = Array.from(known, (name) => this.ofFiles.get(name)).filter((check) => check !== undefined);
    const checks = [passed("format"), ...ofFiles, ...this.checks];
    const refused = checks.filter(({ status }) => status === "fail");
    let [verdict, exit] = ["verified", 0];
    if (refused.some((check) => check.trust)) [verdict, exit] = ["untrusted", 5];
    else if (refused.length > 0) [verdict, exit] = ["not proven", 3];
    else if (checks.some(({ unsupported }) => unsupported)) [verdict, exit] = ["unsupported", null];
    else if (walk === null) [verdict, exit] = ["choose files", null];
    const { first, last } = walk?.ends() ?? { first: null, last: null };
    const { manifest, trust, unread } = this;
    const { table, signatures, names } = walk ?? { table: null, signatures: null, names: null };
    return { verdict, exit, checks, problem: null, manifest, trust, table, first, last, unread, signatures, names };
  }

  /** Whether there is a page whose counts are those of these records, or should be. */
  get recounts() {
    return this.inPage || (this.pageOf !== null && isStatementOf(this.pageOf, this.manifest));
  }

  ofFile(check) {
    this.ofFiles.set(check.name.slice("file:".length), check);
  }

  failFile(name, expected, got) {
    this.ofFile(compared(`file:${name}`, expected, got, false));
  }

  /** The manifest's own digest, and which files there are. */
  async checkListing() {
    this.unlisted = [...this.blobs.keys()]
      .filter((name) => name !== MANIFEST && name !== MANIFEST_SHA256 && !this.manifest.files.has(name))
      .sort(byBytes);
    for (const name of this.unlisted) this.failFile(name, "only files that the manifest lists", "one more");
    if (this.inPage) {
      this.ofFile(skipped(`file:${MANIFEST}`, NOT_HELD));
      return;
    }
    const line = `${hex(sha256(this.manifestBytes))}  ${MANIFEST}\n`;
    let found;
    try {
      demand(this.blobs.has(MANIFEST_SHA256), "it is missing");
      found = await wholeBlob(this.blobs.get(MANIFEST_SHA256), line.length, MANIFEST_SHA256);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.failFile(MANIFEST, `${MANIFEST_SHA256} with its digest`, error.message);
      return;
    }
    const got = new TextDecoder().decode(found);
    const check = compared(`file:${MANIFEST}`, line.trimEnd(), got.trimEnd(), sameBytes(found, encoder.encode(line)));
    if (check.status === "fail") check.remark = `${MANIFEST} or ${MANIFEST_SHA256} was changed`;
    this.ofFile(check.status === "fail" ? check : passed(check.name));
  }

  /** A file that the manifest lists, or null: then its check says why. */
  openListed(name) {
    if (this.blobs.has(name)) {
      return new ListedFile(name, this.blobs.get(name), this.manifest.files.get(name), this.read);
    }
    this.failFile(name, "the file", "it is missing");
    return null;
  }

  /** The bytes of a small file, or null: then its check says why. */
  async small(name, limit) {
    const file = this.openListed(name);
    if (file === null) return null;
    try {
      const bytes = await file.whole(limit);
      this.ofFile(await file.finish());
      return bytes;
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      this.failFile(name, "the file", error.message);
      return null;
    }
  }

  /** A file's checkpoint, or what is wrong with it. */
  async readCheckpoint(name) {
    const bytes = await this.small(name, NOTE_BYTES_MAX);
    if (bytes === null) return { checkpoint: null, problem: "it can't be read" };
    try {
      return { checkpoint: parseCheckpoint(bytes), problem: null };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { checkpoint: null, problem: error.message };
    }
  }

  /** The signed checkpoint: whether it is believed, and whether the manifest speaks of it. */
  async checkCheckpoint() {
    const { checkpoint, problem } = await this.readCheckpoint(CHECKPOINT);
    const expected = headText(this.manifest.origin, this.manifest.checkpoint);
    if (checkpoint === null) {
      this.checks.push(compared("checkpoint", expected, problem, false));
      return null;
    }
    this.checks.push(...await trustChecks(checkpoint, this.trust, this.equation));
    const got = headText(checkpoint.origin, checkpoint);
    this.checks.push(compared("checkpoint", expected, got, expected === got));
    return checkpoint;
  }

  /**
   * Reads nothing whose size only a checkpoint bounds that nobody has to believe: whoever made it up may have claimed a
   * tree of any size. A quorum may be missing, as the log's own signature says how large its tree is.
   */
  leaveUnread() {
    for (const name of BOUND_BY_THE_CHECKPOINT) {
      const there = this.blobs.has(name);
      if (this.inPage && (NEVER_HELD.includes(name) || (!this.held && !there))) this.ofFile(skipped(`file:${name}`, NOT_HELD));
      else if (there) this.ofFile(skipped(`file:${name}`, NOT_BELIEVED));
      else this.failFile(name, "the file", "it is missing");
    }
    this.checks.push(...["records", ...OF_RECORDS].map((name) => skipped(name, NOT_BELIEVED)));
    return null;
  }

  /** Records, proof, and the texts of the records. Gives null where there was none to look at. */
  async checkRecords(signed) {
    if (this.inPage) {
      for (const name of NEVER_HELD) this.ofFile(skipped(`file:${name}`, NOT_HELD));
      if (!this.held && !this.blobs.has(RECORDS)) {
        for (const name of [RECORDS, PROOF]) this.ofFile(skipped(`file:${name}`, NOT_HELD));
        this.checks.push(...["records", ...OF_RECORDS].map((name) => skipped(name, NOT_HELD)));
        return null;
      }
    }
    const inFolder = (name) => (this.inPage ? null : this.openListed(name));
    const files = {
      records: this.openListed(RECORDS),
      jsonLines: inFolder(JSON_LINES),
      csv: inFolder(CSV),
      proof: this.openListed(PROOF),
    };
    this.recount = this.recounts ? new Recount(this.summary) : null;
    const walk = new RecordsWalk(this.manifest, signed.size, files, (record, approved) => this.recount?.add(record, approved));
    await walk.run();
    if (walk.refused === null) await this.checkWhole(walk, signed);
    else this.checkRefused(walk, files);
    return walk;
  }

  checkRefused(walk, files) {
    const expected = "records that match their entries, in order";
    if (files.records !== null) this.failFile(RECORDS, "records, one after the other", walk.refused);
    this.checks.push(compared("records", expected, walk.refused, false));
    for (const file of [files.jsonLines, files.csv, files.proof]) {
      if (file !== null) this.ofFile(skipped(`file:${file.name}`, NOT_READ_ON));
    }
    for (const name of OF_RECORDS) {
      const text = this.inPage && (name === "jsonl" || name === "csv");
      this.checks.push(skipped(name, text ? NOT_HELD : "the records are refused"));
    }
  }

  async checkWhole(walk, head) {
    const { manifest } = this;
    const { count } = walk.table;
    this.ofFile(await walk.file.finish());
    this.checks.push(passed("records", String(count)), compared("count", manifest.count, count, count === manifest.count));
    this.checks.push(this.filtersCheck(walk));
    if (walk.shown !== null) {
      this.checks.push(compared("redaction", "claims hidden as the manifest says", walk.shown, false));
    } else this.checks.push(hiddenCheck(manifest.redaction, walk.hidden));
    this.checks.push(walk.references.check());

    const proof = await this.checkProof(walk, head);
    this.checks.push(proof, this.completeness(walk, proof.status === "pass"));
    for (const mirror of walk.mirrors) {
      if (this.inPage) {
        this.checks.push(skipped(mirror.name, NOT_HELD));
        continue;
      }
      const { file, content } = await mirror.finish();
      if (file !== undefined) this.ofFile(file);
      this.checks.push(content);
    }
  }

  /** That no entry contradicts the filters. */
  filtersCheck(walk) {
    const { filters, leftOut } = this.manifest;
    const problem = walk.contradiction();
    if (problem !== null) {
      const expected = filters.entry === null ? "only entries that were asked for"
        : `entry ${filters.entry}, what it names, and what these name; ${leftOutText(leftOut)}`;
      return compared("filters", expected, problem, false);
    }
    if (filters.unknown.size > 0) {
      return skipped("filters", `not known to this page, and not compared: ${[...filters.unknown.keys()].join(", ")}`);
    }
    return leftOut === null ? passed("filters") : passed("filters", leftOutText(leftOut));
  }

  /** The proof's file and what it proves. */
  async checkProof(walk, head) {
    const { nodes, tree, root } = walk;
    if (nodes.file !== null) {
      if (nodes.fault !== null) this.failFile(PROOF, "nodes of the tree", nodes.fault);
      else if (tree.problem !== null) this.failFile(PROOF, "exactly the nodes that are needed", tree.problem);
      else this.ofFile(await nodes.file.finish());
    }
    const holds = root === head.root && this.ofFiles.get(PROOF)?.status === "pass";
    return compared("proof", head.root, root ?? nodes.fault ?? tree.problem, holds);
  }

  completeness(walk, proven) {
    const name = "completeness";
    const { range, filters } = this.manifest;
    if (filters.entry !== null) {
      return skipped(name, "not proven: the package of an entry claims no range, and nothing shows what other entries say of it");
    }
    if (range === null) {
      return skipped(name, selects(filters)
        ? "not proven: a selection by what entries say, of which nothing proves that it left none out"
        : "not proven: the package claims no range");
    }
    if (!proven) return skipped(name, "the proof doesn't hold");
    const text = (start, end) => (start < end ? `all entries from ${start} to ${end - 1} are here`
      : `no entry from ${start} to below ${end}`);
    const { first, last } = walk.ends();
    const got = walk.gap === null ? text(first.index, last.index + 1) : `entry ${walk.gap} is missing`;
    const holds = walk.gap === null && range.start < range.end
      && first.index === range.start && last.index === range.end - 1;
    const check = compared(name, text(range.start, range.end), got, holds);
    if (filters.from_ms !== null || filters.to_ms !== null) {
      check.remark = "that the entries before and after lie outside of the time is the maker's word";
    }
    return check;
  }

  /** That this tree extends the earlier one. */
  async checkConsistency(signed) {
    const { previous, origin } = this.manifest;
    if (previous === null) {
      this.checks.push(skipped("consistency", "no earlier checkpoint was given"));
      return;
    }
    const { checkpoint, problem } = await this.readCheckpoint(PREVIOUS_CHECKPOINT);
    const expected = headText(origin, previous);
    let check = compared(PREVIOUS_CHECKPOINT, expected, problem, false);
    if (checkpoint !== null) {
      const checks = await trustChecks(checkpoint, this.trust, this.equation);
      const refused = checks.filter(({ status }) => status === "fail").map(({ name }) => name);
      const got = headText(checkpoint.origin, checkpoint);
      if (refused.length > 0) {
        check = compared(PREVIOUS_CHECKPOINT, expected, `${got}, refused for ${refused.join(", ")}`, false);
      } else if (got === expected && checks.some(({ unsupported }) => unsupported)) {
        check = { ...skipped(PREVIOUS_CHECKPOINT, CANNOT_CHECK), unsupported: true };
      } else check = compared(PREVIOUS_CHECKPOINT, expected, got, got === expected);
    }
    this.checks.push(ofTrust(check));

    const head = signed ?? this.manifest.checkpoint;
    const text = `the tree of ${head.size} entries extends that of ${previous.size}`;
    const bytes = await this.small(CONSISTENCY, CONSISTENCY_BYTES_MAX);
    if (bytes === null) {
      this.checks.push(compared("consistency", text, "it can't be read", false));
      return;
    }
    const hashes = [];
    for (let at = 0; at + 32 <= bytes.length; at += 32) hashes.push(bytes.subarray(at, at + 32));
    let fault = consistencyProblem(previous.size, head.size, previous.root, head.root, hashes);
    if (fault === null && bytes.length % 32 !== 0) fault = "bytes left over after hashes of 32 bytes";
    this.checks.push(fault === null ? passed("consistency", text) : compared("consistency", text, fault, false));
  }

  /** The page for people: that it is the one that was listed. */
  async checkReport() {
    if (this.inPage) return;
    const file = this.openListed(REPORT);
    if (file === null) return;
    if (file.blob.size > REPORT_BYTES_MAX && file.listed.size > REPORT_BYTES_MAX) {
      this.failFile(REPORT, "the file", `expected at most ${REPORT_BYTES_MAX} bytes, got more`);
      return;
    }
    try {
      await file.pass();
      this.ofFile(await file.finish());
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      this.failFile(REPORT, "the file", error.message);
    }
  }

  /** What the page counts, counted again. */
  summaryCheck(walk) {
    if (walk === null) return skipped("summary", this.unread ? NOT_BELIEVED : NOT_HELD);
    if (walk.refused !== null) return skipped("summary", "the records are refused");
    const problem = this.recount.problem();
    return problem === null ? passed("summary") : compared("summary", "what the records say", problem, false);
  }
}
