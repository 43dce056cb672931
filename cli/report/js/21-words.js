// The words for checks and verdicts: for people who read such a thing for the first time.

const CHECK_WORDS = {
  format: "The package has the form that it must have",
  origin: "The checkpoint is one of this log",
  "log-signature": "The log signed the checkpoint",
  cosignatures: "Known witnesses cosigned the checkpoint",
  quorum: "As many witnesses cosigned as the trust file demands",
  checkpoint: "It is the checkpoint that the package speaks of",
  records: "Every record matches its entry, claim by claim",
  count: "There are as many entries as the package says",
  filters: "No entry is one that wasn’t asked for",
  redaction: "What the package says is hidden is hidden",
  references: "Entries that others refer to are what is said of them",
  proof: "Every entry stands in the log, exactly so",
  completeness: "No entry of the range was left out",
  jsonl: "records.jsonl says what the records say",
  csv: "records.csv says what the records say",
  "previous-checkpoint": "The earlier checkpoint is genuine too",
  consistency: "Nothing was removed or rewritten since the earlier checkpoint",
  summary: "What this page can count again, it says as the records do",
};

function checkWords(name) {
  if (name === `file:${MANIFEST}`) return "The manifest is the one whose digest comes with it";
  if (name.startsWith("file:")) return `The file ${name.slice("file:".length)} is the one that the manifest lists`;
  return wordFor(CHECK_WORDS, name, name);
}

/** How the outcome of a decision is called, and by whose word it is one. */
const OUTCOME_WORDS = { allow: "allowed", deny: "refused", observed: "observed, not decided" };
const DECIDED_BY_WORDS = {
  gate: "the log’s own gate decided so: attested by the log",
  submitter: "the submitter says so, and the log didn’t check it",
};

const STATUS_WORDS = { pass: "✓ holds", fail: "✗ fails", skip: "– not checked" };

/** Beside a verdict on a checkpoint that is not believed. */
const RECORDS_UNREAD = "The records were not read: only a believed checkpoint says how many there can be.";

/** Beside every verdict on the package of an entry: what of it isn't here, or may not be. A list of sentences. */
function notHereWords(leftOut, names) {
  const words = [];
  if ((leftOut?.count ?? 0) > 0) words.push(`Not all that the entry leads to is here. The package says: ${leftOutText(leftOut)}.`);
  if (names?.hidden) words.push("Claims are hidden that could name more entries: whether they do isn’t known.");
  return words;
}

/** Beside every verdict on records with signatures that this page doesn't check. Null where there are none. */
function uncheckedWords(signatures) {
  const { workloads, approvals } = signatures ?? { workloads: 0, approvals: 0 };
  const signed = [];
  if (workloads > 0) signed.push(`by a workload (${counted(workloads, "entry", "entries")})`);
  if (approvals > 0) signed.push(`by people who approve (${counted(approvals, "entry", "entries")})`);
  if (signed.length === 0) return null;
  const keys = [];
  if (workloads > 0) keys.push("--issuer-keys ISSUER=FILE", "--bundle DOMAIN=FILE");
  if (approvals > 0) keys.push("--roster FILE");
  return {
    sentence: `Not checked by this page: signatures ${listed(signed)}. That they hold is the word of the log, or of whoever `
      + "submitted them. Who has the keys checks them with",
    command: `provlog verify PACKAGE ${keys.join(" ")}`,
  };
}

/** What each verdict means, in a word and a sentence. `facts` are what `Course.showVerdict` gives. */
const VERDICTS = {
  working: () => ["Checking …", "This page’s program is going through the evidence."],
  verified: ({ count, origin }) => ["Genuine",
    `${count === 1 ? "This entry stands" : `All ${counted(count, "entry", "entries")} stand`} in the log ${origin}, with `
      + "exactly the claims that are shown under “Records”, and the log signed that with the key that you confirmed."],
  unconfirmed: ({ origin }) => ["Consistent, key not confirmed",
    "Everything fits together, down to a signature. Whether the key that signed is that of the log "
      + `${origin}, this page can’t know: the key came with it. Your part is below.`],
  unsupported: () => ["Not decided",
    "This browser is missing something that the checks need, so nobody has checked who signed this. Open this page in a "
      + "current browser, or run provlog verify on the package. The checks that could be made are listed below."],
  untrusted: () => ["Not genuine for this key",
    "The log’s checkpoint is not signed as this key or trust file demands. Nothing that is shown here is proven."],
  "not proven": () => ["Not proven",
    "What is here is not what the log signed, or not all that the package says it is. Don’t rely on anything that is "
      + "shown here. The checks that failed are listed below."],
  malformed: () => ["Unreadable", "This is no evidence package that can be read, so nothing is proven."],
  "choose files": () => ["Not checked yet",
    "This package is too large to be held by this page. Choose the package’s files at the end of this page, "
      + "and they are checked here."],
};

/** Why a claim has no value, in words. */
const ABSENT_WORDS = {
  not_recorded: "nobody recorded it",
  not_applicable: "there is none",
  withheld: "withheld by the submitter",
};

/** Our word for something that the data says, or what stands for it where there is none. */
const wordFor = (words, said, other) => (isText(said) && Object.hasOwn(words, said) ? words[said] : other);

/** Behind tables that this page's program has not counted itself. */
const NOT_RECOUNTED = "Counted by the maker’s program, not counted again here.";

const absentWords = (reason) => wordFor(ABSENT_WORDS, reason, reason);
