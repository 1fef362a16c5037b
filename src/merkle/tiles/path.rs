//! What a tile is called: its place in the tree, and the path of its file.

use std::{fmt, str::FromStr};

use super::{HEIGHT, WIDTH_MAX};

/// The place of one tile of hashes. [`Display`](fmt::Display) gives its path
/// `tile/<L>/<N>[.p/<W>]`, which [`FromStr`] reads.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TileId {
    level: u8,
    place: Place,
}

impl TileId {
    /// The highest tile level that has a path.
    pub const LEVEL_MAX: u8 = 63;

    /// Names the tile `index` of `level`, `width` hashes wide.
    ///
    /// # Errors
    ///
    /// [`PathError`] unless `level` is at most 63, `index` below 2^56 and `width` 1 to 256.
    pub fn new(level: u8, index: u64, width: u16) -> Result<Self, PathError> {
        let place = Place::new(index, width).filter(|_| level <= Self::LEVEL_MAX);
        place.map(|place| Self { level, place }).ok_or(PathError)
    }

    /// Names the tile `index` of `level` as it is in a tree of `size` leaves; none where that
    /// tree has no such tile.
    pub fn within(size: u64, level: u8, index: u64) -> Option<Self> {
        Place::within(Self::hashes_of_level(size, level), index).map(|place| Self { level, place })
    }

    /// Returns the tile level: 0 holds leaf hashes, each next one the roots of full tiles below.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Returns the position within the level, from 0.
    pub fn index(&self) -> u64 {
        self.place.index
    }

    /// Returns the number of hashes, 1 to 256.
    pub fn width(&self) -> u16 {
        self.place.width
    }

    /// Returns the position of the tile's first hash among the hashes of its level.
    pub(super) fn first_hash(&self) -> u64 {
        self.place.index * u64::from(WIDTH_MAX)
    }

    /// Returns how many hashes tile level `level` of a tree of `size` leaves has.
    pub(super) fn hashes_of_level(size: u64, level: u8) -> u64 {
        size.checked_shr(u32::from(level) * HEIGHT).unwrap_or(0)
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/{}", self.level, self.place)
    }
}

impl FromStr for TileId {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        let rest = path.strip_prefix("tile/").ok_or(PathError)?;
        let (level, place) = rest.split_once('/').ok_or(PathError)?;
        let level = level.parse().map_err(|_| PathError)?;
        let place = Place::parse(place).ok_or(PathError)?;
        let tile = Self::new(level, place.index, place.width)?;
        // One tile, one path: a leading zero or a `.p/256` would be a second.
        if tile.to_string() == path { Ok(tile) } else { Err(PathError) }
    }
}

/// The place of one bundle of entries. [`Display`](fmt::Display) gives its path
/// `tile/entries/<N>[.p/<W>]`, which [`FromStr`] reads.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BundleId(Place);

impl BundleId {
    /// Names the bundle `index`, `width` entries wide.
    ///
    /// # Errors
    ///
    /// [`PathError`] unless `index` is below 2^56 and `width` 1 to 256.
    pub fn new(index: u64, width: u16) -> Result<Self, PathError> {
        Place::new(index, width).map(Self).ok_or(PathError)
    }

    /// Names the bundle `index` as it is in a tree of `size` leaves; none where that tree has no
    /// such bundle.
    pub fn within(size: u64, index: u64) -> Option<Self> {
        Place::within(size, index).map(Self)
    }

    /// Returns the position among the bundles, from 0. The first entry is leaf `256 * index`.
    pub fn index(&self) -> u64 {
        self.0.index
    }

    /// Returns the number of entries, 1 to 256.
    pub fn width(&self) -> u16 {
        self.0.width
    }

    /// Returns the tile of level 0 that holds the leaf hashes of these entries.
    pub fn tile(&self) -> TileId {
        TileId { level: 0, place: self.0 }
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/entries/{}", self.0)
    }
}

impl FromStr for BundleId {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        let place = path.strip_prefix("tile/entries/").and_then(Place::parse);
        let bundle = Self(place.ok_or(PathError)?);
        if bundle.to_string() == path { Ok(bundle) } else { Err(PathError) }
    }
}

/// No tile has this path or place.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not the place of a tile")]
pub struct PathError;

/// Position and width, `<N>[.p/<W>]`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Place {
    /// Below 2^56, so that the index of every hash in the tile is a `u64`.
    index: u64,
    /// 1 to 256.
    width: u16,
}

impl Place {
    fn new(index: u64, width: u16) -> Option<Self> {
        let fits = index <= u64::MAX >> HEIGHT && (1..=WIDTH_MAX).contains(&width);
        fits.then_some(Self { index, width })
    }

    /// The place `index` where there are `count` hashes or entries in the row.
    fn within(count: u64, index: u64) -> Option<Self> {
        let before = index.checked_mul(WIDTH_MAX.into())?;
        let left = count.checked_sub(before)?.min(WIDTH_MAX.into());
        Self::new(index, u16::try_from(left).ok()?)
    }

    /// Reads leniently: the caller compares with the one right spelling.
    fn parse(text: &str) -> Option<Self> {
        let (groups, width) = match text.split_once(".p/") {
            Some((groups, width)) => (groups, width.parse().ok()?),
            None => (text, WIDTH_MAX),
        };
        let index = groups.split('/').try_fold(0_u64, |index, group| {
            let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
            index.checked_mul(1000)?.checked_add(digits)
        })?;
        Self::new(index, width)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.index.checked_ilog10().unwrap_or(0);
        for group in (1..=digits / 3).rev() {
            write!(f, "x{:03}/", self.index / 1000_u64.pow(group) % 1000)?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < WIDTH_MAX { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_it_is_written() {
        let paths = [
            (TileId::new(0, 0, 256), "tile/0/000"),
            (TileId::new(0, 999, 1), "tile/0/999.p/1"),
            (TileId::new(1, 1000, 256), "tile/1/x001/000"),
            (TileId::new(2, 1_234_067, 255), "tile/2/x001/x234/067.p/255"),
            (TileId::new(63, (1 << 56) - 1, 256), "tile/63/x072/x057/x594/x037/x927/935"),
        ];

        for (tile, path) in paths {
            assert_eq!(tile.map(|tile| tile.to_string()).as_deref(), Ok(path));
            assert_eq!(path.parse(), tile);
        }
        let bundle = BundleId::new(1_234_067, 8).unwrap();
        assert_eq!(bundle.to_string(), "tile/entries/x001/x234/067.p/8");
        assert_eq!("tile/entries/x001/x234/067.p/8".parse(), Ok(bundle));
        assert_eq!(bundle.tile().to_string(), "tile/0/x001/x234/067.p/8");
    }

    #[test]
    fn a_second_spelling_of_a_path_is_refused() {
        let wrong = [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile//000",
            "0/000",
            "/tile/0/000",
            "tile/0/000/",
            "tile/00/000",
            "tile/+0/000",
            "tile/64/000",
            "tile/256/000",
            "tile/-1/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/x001",
            "tile/0/x001/x000",
            "tile/0/+01",
            "tile/0/../000",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/257",
            "tile/0/000.p/1.p/1",
            "tile/0/x072/x057/x594/x037/x927/936",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
        ];

        for path in wrong {
            assert_eq!(path.parse::<TileId>(), Err(PathError), "{path}");
            let entries = path.replacen("tile/0/", "tile/entries/", 1);
            assert_eq!(entries.parse::<BundleId>(), Err(PathError), "{entries}");
        }
    }

    #[test]
    fn a_tile_is_as_wide_as_the_tree_makes_it() {
        let width = |size, level, index| TileId::within(size, level, index).map(|t| t.width());

        assert_eq!(width(255, 0, 0), Some(255));
        assert_eq!(width(256, 0, 0), Some(256));
        assert_eq!(width(256, 0, 1), None);
        assert_eq!(width(257, 0, 1), Some(1));
        assert_eq!(width(255, 1, 0), None);
        assert_eq!(width(u64::MAX, 7, 0), Some(255));
        assert_eq!(width(u64::MAX, 0, (1 << 56) - 1), Some(255));
        assert_eq!(width(u64::MAX, 0, 1 << 56), None);
        assert_eq!(width(u64::MAX, 8, 0), None);
        assert_eq!(width(u64::MAX, 255, 0), None);
    }
}
