//! ZIP archives, byte by byte, so that each number in them can be wrong alone.

use super::forge::Files;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR: u32 = 0x0706_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;

/// Flag: lengths and checksum stand behind the data.
pub const LENGTHS_BEHIND: u16 = 1 << 3;

pub const STORED: u16 = 0;
pub const DEFLATED: u16 = 8;

/// A member of an archive.
#[derive(Clone)]
pub struct Member {
    pub name: String,
    /// The name in its own header.
    pub local_name: String,
    pub method: u16,
    pub local_method: u16,
    pub flags: u16,
    pub checksum: u32,
    pub bytes: u32,
    pub packed: Vec<u8>,
    /// Extra fields, of the directory and of its own header.
    pub extra: Vec<u8>,
    /// The upper half of its external attributes.
    pub mode: u16,
    /// Lengths and offset stand in 64 bits.
    pub wide: bool,
    /// Added to the packed length that the directory states.
    pub overstated: u32,
    /// The number of the volume that it is said to be in.
    pub volume: u16,
    /// Bytes before its own header, which belong to nothing.
    pub before: Vec<u8>,
}

/// An archive in parts.
#[derive(Clone)]
pub struct Archive {
    pub members: Vec<Member>,
    /// Bytes between the directory and its end record.
    pub between: Vec<u8>,
    pub comment: Vec<u8>,
    /// Bytes behind everything.
    pub behind: Vec<u8>,
    /// The number of this volume.
    pub volume: u16,
    /// Added to the number of members that the end record states.
    pub more_members: u16,
    /// The end record refers to one of 64 bits.
    pub wide: bool,
    /// What it says itself of their number and length is the same there, and not all ones.
    pub said_twice: bool,
    /// Added to the directory's length that it says itself then.
    pub said_more: u32,
}

impl Archive {
    pub fn stored(files: &Files) -> Self {
        Self::of(files, STORED, <[u8]>::to_vec)
    }

    pub fn deflated(files: &Files) -> Self {
        Self::of(files, DEFLATED, deflate_literals)
    }

    pub fn of(files: &Files, method: u16, pack: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let members =
            files.iter().map(|(name, bytes)| Member::new(name, bytes, method, pack(bytes))).collect();
        Self {
            members,
            between: Vec::new(),
            comment: Vec::new(),
            behind: Vec::new(),
            volume: 0,
            more_members: 0,
            wide: false,
            said_twice: false,
            said_more: 0,
        }
    }

    /// After a change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn member(&mut self, name: &str) -> &mut Member {
        self.members.iter_mut().find(|member| member.name == name).unwrap()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut directory = Vec::new();
        for member in &self.members {
            bytes.extend(&member.before);
            let at = u32::try_from(bytes.len()).unwrap();
            bytes.extend(member.local());
            directory.extend(member.central(at));
        }
        let (start, length) = (u64::try_from(bytes.len()).unwrap(), u64::try_from(directory.len()).unwrap());
        bytes.extend(directory);
        bytes.extend(&self.between);
        let count = u16::try_from(self.members.len()).unwrap() + self.more_members;
        if self.wide {
            let at = u64::try_from(bytes.len()).unwrap();
            bytes.extend(self.end_64(count, start, length));
            bytes.extend(
                [&LOCATOR.to_le_bytes()[..], &[0; 4], &at.to_le_bytes(), &1_u32.to_le_bytes()].concat(),
            );
        }
        let elsewhere = self.wide && !self.said_twice;
        let narrow = |number: u64, elsewhere: bool| {
            if elsewhere { u32::MAX } else { u32::try_from(number).unwrap() }
        };
        let count = if elsewhere { u16::MAX } else { count };
        bytes.extend(END.to_le_bytes());
        for number in [self.volume, 0, count, count] {
            bytes.extend(number.to_le_bytes());
        }
        let said = narrow(length, elsewhere).wrapping_add(self.said_more);
        bytes.extend([said, narrow(start, self.wide)].map(u32::to_le_bytes).concat());
        bytes.extend(u16::try_from(self.comment.len()).unwrap().to_le_bytes());
        bytes.extend([&self.comment[..], &self.behind].concat());
        bytes
    }

    fn end_64(&self, count: u16, start: u64, length: u64) -> Vec<u8> {
        let mut bytes = END_64.to_le_bytes().to_vec();
        // Bytes that follow this number.
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend([45_u16, 45].map(u16::to_le_bytes).concat());
        bytes.extend([u32::from(self.volume), 0].map(u32::to_le_bytes).concat());
        let count = u64::from(count);
        bytes.extend([count, count, length, start].map(u64::to_le_bytes).concat());
        bytes
    }
}

impl Member {
    pub fn new(name: &str, bytes: &[u8], method: u16, packed: Vec<u8>) -> Self {
        Self {
            name: name.into(),
            local_name: name.into(),
            method,
            local_method: method,
            flags: 0,
            checksum: checksum(bytes),
            bytes: u32::try_from(bytes.len()).unwrap(),
            packed,
            extra: Vec::new(),
            mode: 0o100_644,
            wide: false,
            overstated: 0,
            volume: 0,
            before: Vec::new(),
        }
    }

    /// Version needed, flags, method, a time and day that mean nothing.
    fn head(&self, method: u16) -> Vec<u8> {
        [if self.wide { 45 } else { 20_u16 }, self.flags, method, 0, 0x21].map(u16::to_le_bytes).concat()
    }

    fn local(&self) -> Vec<u8> {
        let packed = u32::try_from(self.packed.len()).unwrap();
        let mut lengths = [self.checksum, packed, self.bytes];
        let mut extra = self.extra.clone();
        if self.wide {
            lengths = [self.checksum, u32::MAX, u32::MAX];
            extra.extend(extra_64(&[self.bytes.into(), packed.into()]));
        }
        let behind = self.flags & LENGTHS_BEHIND != 0;
        let mut bytes = LOCAL.to_le_bytes().to_vec();
        bytes.extend(self.head(self.local_method));
        bytes.extend(if behind { [0; 3] } else { lengths }.map(u32::to_le_bytes).concat());
        bytes.extend([self.local_name.len(), extra.len()].map(short).concat());
        bytes.extend([self.local_name.as_bytes(), &extra, &self.packed].concat());
        if behind {
            bytes.extend([DESCRIPTOR, self.checksum, packed, self.bytes].map(u32::to_le_bytes).concat());
        }
        bytes
    }

    fn central(&self, at: u32) -> Vec<u8> {
        let packed = u32::try_from(self.packed.len()).unwrap() + self.overstated;
        let mut numbers = [self.checksum, packed, self.bytes];
        let (mut extra, mut offset) = (self.extra.clone(), at);
        if self.wide {
            (numbers, offset) = ([self.checksum, u32::MAX, u32::MAX], u32::MAX);
            extra.extend(extra_64(&[self.bytes.into(), packed.into(), at.into()]));
        }
        let mut bytes = CENTRAL.to_le_bytes().to_vec();
        // Made by version 2.0, on Unix.
        bytes.extend([20, 3]);
        bytes.extend(self.head(self.method));
        bytes.extend(numbers.map(u32::to_le_bytes).concat());
        bytes.extend([self.name.len(), extra.len(), 0].map(short).concat());
        bytes.extend([self.volume, 0, 0, self.mode].map(u16::to_le_bytes).concat());
        bytes.extend(offset.to_le_bytes());
        bytes.extend([self.name.as_bytes(), &extra].concat());
        bytes
    }
}

fn short(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_le_bytes()
}

/// The extra field of lengths in 64 bits.
fn extra_64(numbers: &[u64]) -> Vec<u8> {
    let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    [&[1, 0][..], &short(numbers.len()), &numbers].concat()
}

/// CRC-32, as ZIP has it.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}

/// DEFLATE in one block of the fixed code, every byte a literal: the same on every machine and in every year.
fn deflate_literals(bytes: &[u8]) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    // Codes stand with their highest bit first.
    let mut push = |code: u16, length: u16| bits.extend((0..length).rev().map(|bit| code >> bit & 1 == 1));
    for byte in bytes {
        match u16::from(*byte) {
            low @ ..144 => push(0x30 + low, 8),
            high => push(0x190 + high - 144, 9),
        }
    }
    push(0, 7);
    let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks(8).map(byte).collect()
}

/// DEFLATE that compresses nothing: blocks of at most `length` stored bytes.
pub fn deflate_stored(bytes: &[u8], length: usize) -> Vec<u8> {
    let mut packed = Vec::new();
    for block in bytes.chunks(length) {
        packed.push(0);
        let length = u16::try_from(block.len()).unwrap();
        packed.extend([length, !length].map(u16::to_le_bytes).concat());
        packed.extend(block);
    }
    packed.extend([1, 0, 0, 0xff, 0xff]);
    packed
}
