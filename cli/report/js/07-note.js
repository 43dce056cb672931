// Signed notes and checkpoints: SPEC.md section 6.

const NOTE_BYTES_MAX = 114_688;
const SIGNATURES_MAX = 32;

/** Splits a note at its last empty line. Every signature line has to be well formed, those of unknown keys too. */
function parseNote(bytes) {
  demand(bytes.length <= NOTE_BYTES_MAX, `signed note: at most ${NOTE_BYTES_MAX} bytes, got ${bytes.length}`);
  const note = fromUtf8(bytes);
  const characters = note !== null && !/[\u0000-\u0009\u000b-\u001f]/.test(note);
  demand(characters, "signed note: expected UTF-8 without control characters other than newlines");
  const split = note.lastIndexOf("\n\n");
  demand(split >= 0 && note.length > split + 2 && note.endsWith("\n"),
    "signed note: expected text, an empty line, and signature lines that end with a newline");
  const lines = note.slice(split + 2, -1).split("\n");
  demand(lines.length <= SIGNATURES_MAX, `signed note: at most ${SIGNATURES_MAX} signature lines, got ${lines.length}`);
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignatureLine) };
}

function parseSignatureLine(line, place) {
  const [, name, encoded] = /^\u2014 ([^ ]*) (.*)$/su.exec(line) ?? [];
  const bytes = name !== undefined && isKeyName(name) ? fromBase64(encoded) : null;
  demand(bytes !== null && bytes.length > 4,
    `signed note: signature line ${place + 1} is not an em dash, a key name and base64 of a key id and a signature`);
  return { name, id: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/** Whether a signature line says that it is by this key: name and id both. */
const isBy = (line, key) => line.name === key.name && sameBytes(line.id, key.id);

/** Whether this can be a log's name. */
const isOrigin = (text) => /^[A-Za-z0-9._~:/-]{1,255}$/.test(text);

/** The three lines of a checkpoint, in a note. The root is in hex. */
function parseCheckpoint(bytes) {
  const note = parseNote(bytes);
  const lines = note.text.slice(0, -1).split("\n");
  demand(lines.length === 3, "checkpoint: expected the three lines origin, size and root, without extension lines");
  const [origin, sizeText, rootText] = lines;
  demand(isOrigin(origin), `checkpoint: ${JSON.stringify(origin)} is no origin`);
  const size = fromDecimal(sizeText);
  demand(size !== null, `checkpoint size: expected a decimal from 0 to 2^53-1, got ${JSON.stringify(sizeText)}`);
  const root = fromBase64(rootText);
  demand(root?.length === 32, `checkpoint root: expected base64 of 32 bytes, got ${JSON.stringify(rootText)}`);
  return { note, origin, size, root: hex(root) };
}

const headText = (origin, head) => `${origin}, ${head.size} entries, root ${head.root}`;
