// SHA-256 (FIPS 180-4), synchronous and incremental, and the hashes of SPEC.md section 2.
//
// The browser's own digest is asynchronous and takes its input whole. A package of 10,000 records needs several hundred
// thousand hashes of some 100 bytes, and digests of files that are too large to hold.

/** The first `count` prime numbers, as BigInts. */
function primes(count) {
  const found = [];
  for (let candidate = 2n; found.length < count; candidate += 1n) {
    if (found.every((prime) => candidate % prime !== 0n)) found.push(candidate);
  }
  return found;
}

/** The first 32 bits of the fractional part of the root of this degree, which is how FIPS 180-4 defines its constants. */
function fractionOfRoot(prime, degree) {
  const target = prime << (32n * degree);
  let [low, high] = [0n, 1n << 40n];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** degree <= target) low = middle;
    else high = middle;
  }
  return Number(low & 0xffffffffn);
}

const ROUND_CONSTANTS = Int32Array.from(primes(64), (prime) => fractionOfRoot(prime, 3n));
const INITIAL_STATE = Int32Array.from(primes(8), (prime) => fractionOfRoot(prime, 2n));

// One schedule for all: nothing in here is ever interrupted.
const schedule = new Int32Array(64);

/** Works one block of 64 bytes into the state. */
function compress(state, bytes, offset) {
  const w = schedule;
  for (let t = 0; t < 16; t += 1, offset += 4) {
    w[t] = (bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3];
  }
  for (let t = 16; t < 64; t += 1) {
    const x = w[t - 15];
    const y = w[t - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
  }
  // One by one: taking an array apart goes through its iterator, which costs more than a round.
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let t = 0; t < 64; t += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND_CONSTANTS[t] + w[t]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

function putWord(bytes, offset, word) {
  bytes[offset] = word >>> 24;
  bytes[offset + 1] = word >>> 16;
  bytes[offset + 2] = word >>> 8;
  bytes[offset + 3] = word;
}

class Sha256 {
  constructor() {
    this.state = new Int32Array(8);
    this.block = new Uint8Array(64);
    this.reset();
  }

  reset() {
    this.state.set(INITIAL_STATE);
    this.used = 0;
    this.length = 0;
    return this;
  }

  update(bytes) {
    const end = bytes.length;
    let at = 0;
    this.length += end;
    if (this.used > 0) {
      at = Math.min(64 - this.used, end);
      this.block.set(at === end ? bytes : bytes.subarray(0, at), this.used);
      this.used += at;
      if (this.used < 64) return this;
      compress(this.state, this.block, 0);
      this.used = 0;
    }
    for (; at + 64 <= end; at += 64) compress(this.state, bytes, at);
    if (at < end) {
      this.block.set(bytes.subarray(at), 0);
      this.used = end - at;
    }
    return this;
  }

  /** A single byte, such as a domain or a length. */
  byte(value) {
    this.block[this.used] = value;
    this.used += 1;
    this.length += 1;
    if (this.used === 64) {
      compress(this.state, this.block, 0);
      this.used = 0;
    }
    return this;
  }

  /** The 32 bytes. Nothing may be added after this, until a reset. */
  digest() {
    const { block, state, length } = this;
    block[this.used] = 0x80;
    block.fill(0, this.used + 1);
    if (this.used >= 56) {
      compress(state, block, 0);
      block.fill(0);
    }
    // The length in bits, of which bit operations see 32 at a time.
    putWord(block, 56, Math.floor(length / 0x20000000));
    putWord(block, 60, length << 3);
    compress(state, block, 0);
    const out = new Uint8Array(32);
    for (let place = 0; place < 8; place += 1) putWord(out, 4 * place, state[place]);
    return out;
  }
}

// One hasher for all short hashes, which are made at once.
const shortHasher = new Sha256();

/** SHA-256 without a domain byte. */
function sha256(...parts) {
  shortHasher.reset();
  for (const part of parts) shortHasher.update(part);
  return shortHasher.digest();
}

const leafHash = (entry) => shortHasher.reset().byte(0).update(entry).digest();
const nodeHash = (left, right) => shortHasher.reset().byte(1).update(left).update(right).digest();
const claimHash = (disclosed) => shortHasher.reset().byte(2).update(disclosed).digest();

/** Digest of a section: `section` is 0 for submitted and 1 for attested; claims in map order. */
function sectionDigest(section, kind, claims) {
  shortHasher.reset().byte(3).byte(section).byte(kind);
  for (const claim of claims) shortHasher.byte(claim.nameBytes.length).update(claim.nameBytes).update(claim.hash);
  return shortHasher.digest();
}
