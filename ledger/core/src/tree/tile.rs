//! Tile coordinates and paths (C2SP tlog-tiles).

use alloc::format;
use alloc::string::String;
use core::fmt;

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_HASHES: u64 = 256;

/// Levels of nodes within a tile.
pub const TILE_HEIGHT: u32 = 8;

/// Levels of tiles that a tree of 2^53 - 1 leaves has: 53 levels of nodes, eight to a tile.
const TILE_LEVELS: u8 = 7;

/// One tile: the `width` hashes from `index * 256` on, of nodes at level `8 * level`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Tile {
    /// Level of the tile, 0 for leaf hashes.
    pub level: u8,
    /// Which tile of the level.
    pub index: u64,
    /// Hashes in it: 256, or 1 to 255 for a partial tile.
    pub width: u16,
}

/// What a path below a log's prefix names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// `tile/<L>/<N>[.p/<W>]`: hashes.
    Hashes(Tile),
    /// `tile/entries/<N>[.p/<W>]`: entries, with the index and width of a level-0 tile.
    Entries(Tile),
}

/// A path that names no tile; not even in the form of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "expected tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>] as in C2SP tlog-tiles"
)]
pub struct TilePathError;

impl Tile {
    /// The full or partial tile that holds node `index` of level `8 * level` in a tree of `size` leaves, or `None` when
    /// that tree has no such node.
    #[must_use]
    pub fn holding(level: u8, index: u64, size: u64) -> Option<Self> {
        let nodes = size.checked_shr(u32::from(level) * TILE_HEIGHT).unwrap_or(0);
        let tile = index / TILE_HASHES;
        let width = nodes.saturating_sub(tile * TILE_HASHES).min(TILE_HASHES);
        let width = u16::try_from(width).ok()?;
        (index < nodes).then_some(Self { level, index: tile, width })
    }

    /// The incomplete tile at the end of a level in a tree of `size` leaves, if there is one.
    #[must_use]
    pub fn incomplete(level: u8, size: u64) -> Option<Self> {
        let last = size.checked_shr(u32::from(level) * TILE_HEIGHT)?.checked_sub(1)?;
        Self::holding(level, last, size).filter(|tile| !tile.is_full())
    }

    /// Whether a tree of `size` leaves has this tile, in this width or wider.
    #[must_use]
    pub fn exists_at(&self, size: u64) -> bool {
        let nodes = size.checked_shr(u32::from(self.level) * TILE_HEIGHT).unwrap_or(0);
        let end =
            self.index.checked_mul(TILE_HASHES).and_then(|first| first.checked_add(u64::from(self.width)));
        end.is_some_and(|end| end <= nodes)
    }

    /// Whether the tile holds all of its 256 hashes.
    #[must_use]
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == TILE_HASHES
    }

    fn path_end(&self) -> String {
        let mut path = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            path = format!("x{:03}/{path}", rest % 1000);
            rest /= 1000;
        }
        if self.is_full() { path } else { format!("{path}.p/{}", self.width) }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hashes(tile) => write!(f, "tile/{}/{}", tile.level, tile.path_end()),
            Self::Entries(tile) => write!(f, "tile/entries/{}", tile.path_end()),
        }
    }
}

impl core::str::FromStr for Resource {
    type Err = TilePathError;

    /// Accepts only the spelling that [`Resource`]'s `Display` writes.
    fn from_str(path: &str) -> Result<Self, TilePathError> {
        let (kind, rest) =
            path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(TilePathError)?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().ok().filter(|width| (1..256).contains(width))),
            None => (rest, Some(256)),
        };
        let mut number: u64 = 0;
        for group in index.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(TilePathError);
            }
            let group: u64 = digits.parse().map_err(|_| TilePathError)?;
            number = number.checked_mul(1000).and_then(|n| n.checked_add(group)).ok_or(TilePathError)?;
        }
        let level = if kind == "entries" { 0 } else { kind.parse().map_err(|_| TilePathError)? };
        let tile = Tile { level, index: number, width: width.ok_or(TilePathError)? };
        let resource = if kind == "entries" { Self::Entries(tile) } else { Self::Hashes(tile) };
        // Leading zeros, a missing or spare "x", "+1": whatever is not the one spelling differs here.
        if level < TILE_LEVELS && format!("{resource}") == path { Ok(resource) } else { Err(TilePathError) }
    }
}
