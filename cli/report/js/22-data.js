// What the page holds: its statement, its counts, and files of the package. Whoever sent the page may have changed them,
// so nothing is taken to have any form.

const isText = (value) => typeof value === "string";
const textOr = (value, other) => (isText(value) ? value : other);
const rowsOf = (value) => (Array.isArray(value) ? value.filter((row) => row !== null && typeof row === "object") : []);
const objectOf = (value) => (value !== null && typeof value === "object" ? value : {});

/** `{statement, page, manifest, problem}`: bytes, JSON, and the manifest if it can be read. */
function readPage() {
  const statement = encoder.encode(byId("statement")?.textContent ?? "");
  let manifest = null;
  let problem = null;
  try {
    manifest = parseManifest(statement, true);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    problem = error.message;
  }
  let page = {};
  try {
    page = objectOf(JSON.parse(byId("page")?.textContent ?? ""));
  } catch (error) {
    problem ??= `this page’s own data: ${error.message}`;
  }
  return { statement, page, manifest, problem };
}

/** The browser can't unpack what the page holds. */
class InflateUnsupported extends Error {}

/** The package's files that the page holds, as a list of `{name, blob}`. */
async function readBlocks(manifest) {
  if (typeof DecompressionStream === "undefined") throw new InflateUnsupported();
  const files = [];
  for (const block of document.querySelectorAll("script[data-file]")) {
    const name = block.getAttribute("data-file");
    // One byte more than there is shows that there is more; whatever else it would inflate to isn't wanted.
    const limit = (manifest?.files.get(name)?.size ?? 0) + 1;
    files.push({ name, blob: await inflate(block.textContent, limit) });
  }
  return files;
}

/** Characters of base64 that are decoded at a time: a multiple of four. */
const BASE64_CHUNK = 4 * 256 * 1024;

async function inflate(base64, limit) {
  const parts = [];
  for (let at = 0; at < base64.length; at += BASE64_CHUNK) {
    const binary = atob(base64.slice(at, at + BASE64_CHUNK));
    const bytes = new Uint8Array(binary.length);
    for (let place = 0; place < binary.length; place += 1) bytes[place] = binary.charCodeAt(place);
    parts.push(bytes);
  }
  let stream;
  try {
    stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  } catch {
    throw new InflateUnsupported();
  }
  const reader = stream.getReader();
  const inflated = [];
  let length = 0;
  while (length < limit) {
    let chunk;
    try {
      chunk = await reader.read();
    } catch {
      // Then what is there is too short, or not what it must be, and the verifier says so.
      break;
    }
    if (chunk.done) break;
    inflated.push(chunk.value.subarray(0, limit - length));
    length += chunk.value.length;
  }
  await reader.cancel().catch(() => {});
  return new Blob(inflated);
}
