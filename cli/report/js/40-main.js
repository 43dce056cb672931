// The page's course: show what it says of itself, check it, and check again what the reader brings.

class Course {
  constructor() {
    this.data = readPage();
    this.page = this.data.page;
    this.browser = new Browser();
    /** Files that the reader chose; until then, those in the page. */
    this.chosen = null;
    this.inPage = null;
    /** A trust file or key that the reader brought, or "". */
    this.ownTrust = "";
    /** The fingerprint that the reader says to have compared, or null. */
    this.confirmed = null;
    this.result = null;
    this.turn = 0;
  }

  async start() {
    const { manifest, problem } = this.data;
    showCover(manifest, this.page, problem);
    showSummary(this.page);
    showTimeline(this.page);
    showGaps(this.page, manifest);
    showControls(this.page, manifest);
    this.takeBackConfirmation();
    // A browser that comes back to a page, or to one that stands where another did, may put in what was put in before.
    addEventListener("pageshow", () => this.run(() => {
      this.takeBackConfirmation();
      this.showVerdict();
    }));
    byId("check-again").addEventListener("click", () => this.run(() => this.checkAgain()));
    byId("fingerprint-confirmed").addEventListener("change", () => this.run(() => this.confirm()));
    whenFilesAreChosen((files) => this.run(() => this.checkFiles(files)));
    await this.check();
  }

  /** Whatever goes wrong is shown: a page that stopped half way must not look as if it had finished. */
  async run(step) {
    try {
      await step();
    } catch (error) {
      showTrouble(error);
    }
  }

  /** What is confirmed is the fingerprint that is shown, and no other that may be shown later. */
  confirm() {
    const box = byId("fingerprint-confirmed");
    this.confirmed = box.checked ? this.fingerprint : null;
    box.checked = this.confirmed !== null;
    this.showVerdict();
  }

  takeBackConfirmation() {
    this.confirmed = null;
    byId("fingerprint-confirmed").checked = false;
  }

  /** Of the key that the evidence was checked with, and which is shown; null where there is none. */
  get fingerprint() {
    return this.result?.trust?.log.fingerprint ?? null;
  }

  get keyIsConfirmed() {
    return this.ownTrust !== "" || (this.confirmed !== null && this.confirmed === this.fingerprint);
  }

  /** What can't be read as a key or a trust file changes nothing: it says nothing about the evidence. */
  async checkAgain() {
    const typed = byId("trust-text").value;
    const text = typed.trim() === "" ? "" : trustText(typed);
    const problem = byId("trust-problem");
    problem.hidden = true;
    try {
      if (text !== "") parseTrust(text);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      problem.textContent = `This can’t be used, so nothing was checked with it. ${error.message}.`;
      problem.hidden = false;
      return;
    }
    this.ownTrust = text;
    await this.check();
  }

  async checkFiles(files) {
    this.chosen = files;
    byId("files-note").textContent = choiceHint(files) ?? `${counted(files.length, "file")} chosen. The verdict is at the top.`;
    await this.check();
    byId("verdict").scrollIntoView({ block: "center" });
  }

  get source() {
    return this.chosen === null ? "page" : "files";
  }

  async check() {
    this.turn += 1;
    const turn = this.turn;
    // Nothing that the reader does meanwhile is answered with what was found before.
    this.result = null;
    document.documentElement.dataset.state = "working";
    showVerdict("working", this.source, {});
    const bar = byId("progress");
    bar.hidden = false;
    bar.value = 0;
    const result = await this.verify((done) => {
      if (turn === this.turn) bar.value = done;
    });
    // The reader asked for another check in the meantime.
    if (turn !== this.turn) return;
    this.result = result;
    bar.hidden = true;
    if (this.isOwnPackage()) showCover(this.data.manifest, this.page, this.data.problem);
    else showAnotherCover(result.manifest);
    this.showTrust();
    showChecks(result.checks);
    this.showVerdict();
    await this.showRecords();
    document.documentElement.dataset.state = "done";
  }

  async verify(progress) {
    const trust = this.ownTrust !== "" ? this.ownTrust : textOr(this.page.trust, "");
    const summary = objectOf(this.page.summary);
    if (this.chosen !== null) {
      return verifyPackage(this.chosen, trust, { summary, pageOf: this.data.manifest, progress });
    }
    try {
      this.inPage ??= await readBlocks(this.data.manifest);
    } catch (error) {
      if (!(error instanceof InflateUnsupported)) throw error;
      const problem = "This browser can’t unpack what this page holds. The package’s files can be chosen below, and are "
        + "checked all the same.";
      return { ...refusal("unsupported", null, [], new Refusal(problem)), manifest: this.data.manifest };
    }
    const { statement } = this.data;
    return verifyPackage(this.inPage, trust, { statement, held: this.page.embedded !== false, summary, progress });
  }

  showTrust() {
    const own = this.ownTrust !== "";
    showKey(this.result.trust, own);
    const confirmed = byId("fingerprint-confirmed");
    // With a key of the reader's own there is nothing left to compare.
    confirmed.disabled = own;
    if (own || this.confirmed !== this.fingerprint) this.takeBackConfirmation();
  }

  showVerdict() {
    const { result } = this;
    if (result === null) return;
    const verdict = verdictFor(result, this.keyIsConfirmed);
    const manifest = result.manifest ?? { count: 0, origin: "" };
    const failed = result.checks.filter(({ status, name }) => status === "fail" && name !== "format");
    const { problem, unread, signatures, names } = result;
    const { count, origin, leftOut } = manifest;
    const another = !this.isOwnPackage();
    showVerdict(verdict, this.source, { count, origin, leftOut, failed, problem, unread, signatures, names, another });
    this.browser.stand(...this.standing(verdict));
  }

  /** A sentence on what the records that are shown are worth, and whether it is a good one. */
  standing(verdict) {
    if (this.result.unread) return [RECORDS_UNREAD, false];
    if (this.result.table === null) {
      return ["There are no records to show: none are here, or none that can be read. The package’s files can be chosen "
        + "below.", false];
    }
    const where = this.chosen === null ? "in this page" : "in the files that you chose";
    if (verdict === "verified") {
      return [`These are the records ${where}. They are verified: the log holds exactly these.`, true];
    }
    const worth = verdict === "unconfirmed" ? "They fit a signed checkpoint, by a key that you haven’t confirmed yet."
      : "They are not verified: read them as what somebody claims.";
    return [`These are the records ${where}. ${worth}`, false];
  }

  showRecords() {
    const files = this.chosen ?? this.inPage ?? [];
    return this.browser.take(this.result.table, files.find(({ name }) => name === RECORDS)?.blob ?? null);
  }

  /** Whether what this page says is of the package that was checked: only then may it be shown beside the verdict. */
  isOwnPackage() {
    if (this.chosen === null) return true;
    const [own, manifest] = [this.data.manifest, this.result.manifest];
    return own !== null && manifest !== null && isStatementOf(own, manifest);
  }
}

/** The program itself is in trouble: nothing may look as if it had been checked, now or later. */
function showTrouble(error) {
  inTrouble = true;
  const place = byId("verdict");
  place.dataset.verdict = "malformed";
  place.replaceChildren(element("p", { class: "verdict-word" }, "Not checked"),
    element("p", { class: "verdict-sentence" }, "This page’s program failed, so nothing here is proven."),
    element("p", { class: "verdict-problem" }, said(String(error?.message ?? error))));
  byId("progress").hidden = true;
  document.documentElement.dataset.state = "done";
}

addEventListener("error", (event) => showTrouble(event.error ?? event.message));
addEventListener("unhandledrejection", (event) => showTrouble(event.reason));
new Course().start().catch(showTrouble);
