// Files of a package, read once from the front, in parts, with length and digest.

const CHUNK_BYTES = 1024 * 1024;

/** A file that can't be read further: it ends too late, or the browser can't read it. */
class Unreadable extends Refusal {}

/** A file on its way to a digest. It never reads more than the manifest says there is. */
class ListedFile {
  /** `listed` is what the manifest says: `{size, sha256}`. `read` is told how many bytes were read. */
  constructor(name, blob, listed, read) {
    this.name = name;
    this.blob = blob;
    this.listed = listed;
    this.read = read;
    this.hasher = new Sha256();
    /** Bytes that were read from the file, and of them those in hand from `at` on. */
    this.length = 0;
    this.bytes = new Uint8Array(0);
    this.at = 0;
  }

  /** Bytes in hand. */
  get available() {
    return this.bytes.length - this.at;
  }

  get ended() {
    return this.length >= this.blob.size;
  }

  /** Reads on until this many bytes are in hand, or the file has ended. */
  async fill(want) {
    while (this.available < want && !this.ended) {
      const end = Math.min(this.length + CHUNK_BYTES, this.listed.size);
      if (end <= this.length) throw new Unreadable(`expected ${this.listed.size} bytes, got more`);
      let chunk;
      try {
        chunk = new Uint8Array(await this.blob.slice(this.length, end).arrayBuffer());
      } catch (error) {
        throw new Unreadable(`the browser can't read it: ${error.message}`);
      }
      if (chunk.length === 0) throw new Unreadable("it ends before its end");
      this.hasher.update(chunk);
      this.length += chunk.length;
      this.read(chunk.length);
      const rest = this.bytes.subarray(this.at);
      this.at = 0;
      if (rest.length === 0) this.bytes = chunk;
      else {
        this.bytes = new Uint8Array(rest.length + chunk.length);
        this.bytes.set(rest);
        this.bytes.set(chunk, rest.length);
      }
    }
  }

  /** Up to this many of the bytes in hand. */
  take(count) {
    const taken = this.bytes.subarray(this.at, this.at + count);
    this.at += taken.length;
    return taken;
  }

  /** The whole of a small file. */
  async whole(limit) {
    await this.fill(limit + 1);
    if (this.available > limit) throw new Unreadable(`expected at most ${limit} bytes, got more`);
    return this.take(limit);
  }

  /** Reads to the end, for nothing but the digest. */
  async pass() {
    while (!this.ended) {
      this.at = this.bytes.length;
      await this.fill(1);
    }
    this.at = this.bytes.length;
  }

  /** The check of the file, after the last byte that belongs there. */
  async finish() {
    const check = (expected, got) => compared(`file:${this.name}`, expected, got, false);
    try {
      await this.fill(1);
    } catch (error) {
      if (error instanceof Unreadable) return check(`${this.listed.size} bytes`, error.message);
      throw error;
    }
    if (this.available > 0) return check("nothing more", "bytes after the last that belong there");
    if (this.length !== this.listed.size) return check(`${this.listed.size} bytes`, String(this.length));
    const got = hex(this.hasher.digest());
    return got === this.listed.sha256 ? passed(`file:${this.name}`) : check(this.listed.sha256, got);
  }
}

/** The bytes of a file that the manifest doesn't list. */
async function wholeBlob(blob, limit, name) {
  demand(blob.size <= limit, `${name}: expected at most ${limit} bytes, got ${blob.size}`);
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    throw new Refusal(`${name}: the browser can't read it: ${error.message}`);
  }
}
