//! The parameters as words of a kernel command line and as a line of a device-mapper table.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::hex;
use crate::layout::{BLOCK_BYTES, Layout, LayoutError};

/// Longer than any kernel's command line: x86's COMMAND_LINE_SIZE is 2048, other architectures take up to 4096.
pub const COMMAND_LINE_MAX_BYTES: usize = 8192;
/// The device-mapper target that [`Params::table_line`] is for.
pub const TARGET: &str = "verity";

const ROOT_WORD: &str = "gantry.root=";
const VERITY_WORD: &str = "gantry.verity=";
/// veritysetup's default length, and the most we read; the kernel would take 256.
const MAX_SALT_BYTES: usize = 32;

/// Bytes hashed before every block, at most 32; may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salt(Vec<u8>);

impl Salt {
    /// `None` when longer than 32 bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= MAX_SALT_BYTES).then(|| Self(bytes.to_vec()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As the command line, the dm table and veritysetup's `--salt` spell it: hex, `-` for none.
    pub fn to_hex(&self) -> String {
        if self.0.is_empty() { "-".to_owned() } else { hex::encode(&self.0) }
    }

    fn from_hex(text: &str) -> Option<Self> {
        Self::new(&if text == "-" { Vec::new() } else { hex::decode(text)? })
    }
}

/// Everything that activating a root needs besides the device that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// Digest of the hash tree's root block: the identity of the whole root.
    pub root_hash: [u8; 32],
    /// Where the parts lie.
    pub layout: Layout,
    /// Hashed before every block.
    pub salt: Salt,
}

/// Why a command line names no root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandLineError {
    /// One of the two words is absent.
    #[error("kernel command line has no word {word}")]
    Missing {
        /// The word, with its equals sign.
        word: &'static str,
    },
    /// A word is there twice; which one a reader meant is anybody's guess, so neither counts.
    #[error("kernel command line has more than one word {word}")]
    Twice {
        /// The word, with its equals sign.
        word: &'static str,
    },
    /// Not 64 hex digits.
    #[error("root hash {text:?} is not 64 hex digits")]
    RootHash {
        /// What stood there, at most 80 characters of it.
        text: String,
    },
    /// Not five comma-separated fields of the right kind.
    #[error("verity parameters {text:?}: want DATA_BLOCKS,HASH_START,FEC_START,FEC_ROOTS,SALT")]
    Fields {
        /// What stood there, at most 80 characters of it.
        text: String,
    },
    /// The numbers contradict each other.
    #[error("verity parameters do not fit together")]
    Layout(#[source] LayoutError),
}

impl Params {
    /// Reads the two words from a whole kernel command line.
    pub fn from_command_line(line: &str) -> Result<Self, CommandLineError> {
        let root = only_word(line, ROOT_WORD)?;
        let verity = only_word(line, VERITY_WORD)?;
        let root_hash = hex::decode(root)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| CommandLineError::RootHash { text: excerpt(root) })?;
        let (data, hash, fec, roots, salt) =
            fields(verity).ok_or_else(|| CommandLineError::Fields { text: excerpt(verity) })?;
        let layout = Layout::new(data, hash, fec, roots).map_err(CommandLineError::Layout)?;
        Ok(Self { root_hash, layout, salt })
    }

    /// The two words, as [`Params::from_command_line`] reads them.
    pub fn command_line_words(&self) -> String {
        let l = &self.layout;
        format!(
            "{ROOT_WORD}{} {VERITY_WORD}{},{},{},{},{}",
            hex::encode(&self.root_hash),
            l.data_blocks(),
            l.hash_start_block(),
            l.fec_start_block(),
            l.fec_roots(),
            self.salt.to_hex(),
        )
    }

    /// Root hash in lower-case hex.
    pub fn root_hash_hex(&self) -> String {
        hex::encode(&self.root_hash)
    }

    /// PARTUUID of the partition that holds this root: the first 128 bits of the root hash, read as a UUID in
    /// the usual text order (Discoverable Partitions Specification). The GPT stores it in mixed-endian form.
    pub fn partuuid(&self) -> String {
        let mut text = hex::encode(&self.root_hash[..16]);
        for at in [20, 16, 12, 8] {
            text.insert(at, '-');
        }
        text
    }

    /// The first 128 bits of the root hash, in text order.
    pub fn partuuid_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.root_hash[..16]);
        bytes
    }

    /// Length of the verity device in 512-byte sectors.
    pub fn sectors(&self) -> u64 {
        self.layout.sectors()
    }

    /// Parameters of the [`TARGET`] over `device` (`MAJOR:MINOR` or a path without blanks).
    ///
    /// No program ever sees a wrong byte: what neither matches its digest nor can be repaired is an I/O error.
    /// Why these options (docs/decisions/0003-root-format.md has the measurements and the kernel's places):
    /// - No `panic_on_corruption`: Linux 6.12 acts on it while it repairs a *tree* block (it meets the damaged block
    ///   again when it looks for erasures in the code word), so it would panic on damage that it then repairs.
    ///   Restarting on damage beyond repair is the service `health`'s.
    /// - No `panic_on_error` either (the disk refused a read, parity could not replace it): `health` condemns the set before it
    ///   restarts, a panic cannot, and a set that said it lives would be started again for ever.
    /// - No `ignore_zero_blocks`: erofs has few holes, and every option that skips a check must be argued for.
    pub fn table_line(&self, device: &str) -> String {
        let l = &self.layout;
        let options = match l.fec_roots() {
            0 => "0".to_owned(),
            roots => format!(
                "8 use_fec_from_device {device} fec_start {} fec_blocks {} fec_roots {roots}",
                l.fec_start_block(),
                l.fec_covered_blocks(),
            ),
        };
        format!(
            "1 {device} {device} {BLOCK_BYTES} {BLOCK_BYTES} {} {} sha256 {} {} {options}",
            l.data_blocks(),
            l.hash_start_block(),
            self.root_hash_hex(),
            self.salt.to_hex(),
        )
    }
}

fn only_word<'a>(line: &'a str, word: &'static str) -> Result<&'a str, CommandLineError> {
    let mut found = line.split_ascii_whitespace().filter_map(|w| w.strip_prefix(word));
    let first = found.next().ok_or(CommandLineError::Missing { word })?;
    if found.next().is_some() { Err(CommandLineError::Twice { word }) } else { Ok(first) }
}

fn fields(text: &str) -> Option<(u64, u64, u64, u8, Salt)> {
    let mut parts = text.split(',');
    let mut next = || parts.next();
    let read = (
        next()?.parse().ok()?,
        next()?.parse().ok()?,
        next()?.parse().ok()?,
        next()?.parse().ok()?,
        Salt::from_hex(next()?)?,
    );
    next().is_none().then_some(read)
}

/// The start of what stood there, for a message: command lines can be long and hostile.
fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Root hash that veritysetup 2.7.5 computes for 1000 zero blocks with salt ab.
    const ROOT: &str = "6d3fb3f4e960c83936aef1529307adad287f05adc993af88b2ba902c57552604";

    fn params() -> Params {
        let mut root_hash = [0; 32];
        root_hash.copy_from_slice(&hex::decode(ROOT).unwrap());
        Params { root_hash, layout: Layout::appended(1000, 2).unwrap(), salt: Salt::new(&[0xab]).unwrap() }
    }

    fn line(verity: &str) -> String {
        format!("quiet gantry.root={ROOT} gantry.verity={verity}")
    }

    #[test]
    fn words_read_back_as_written() {
        let words = params().command_line_words();
        assert_eq!(words, format!("gantry.root={ROOT} gantry.verity=1000,1000,1009,2,ab"));
        assert_eq!(Params::from_command_line(&format!("console=ttyS0 {words} panic=-1\n")), Ok(params()));

        let unsalted = Params { salt: Salt::new(&[]).unwrap(), ..params() };
        assert_eq!(Params::from_command_line(&unsalted.command_line_words()), Ok(unsalted));
    }

    #[test]
    fn partuuid_is_the_first_half_of_the_root_hash_in_text_order() {
        let uuid = params().partuuid();
        assert_eq!(uuid.replace('-', ""), ROOT[..32]);
        assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    }

    #[test]
    fn table_counts_its_optional_words() {
        let line = params().table_line("254:2");
        let (fixed, optional) = line.split_once(" 8 ").unwrap();
        assert_eq!(fixed, format!("1 254:2 254:2 4096 4096 1000 1000 sha256 {ROOT} ab"));
        assert_eq!(optional, "use_fec_from_device 254:2 fec_start 1009 fec_blocks 1009 fec_roots 2");
        assert_eq!(optional.split(' ').count(), 8);
        assert_eq!(params().sectors(), 8000);
        let bare = Params { layout: Layout::appended(1000, 0).unwrap(), ..params() };
        assert!(bare.table_line("254:2").ends_with(" ab 0"));
    }

    #[test]
    fn a_missing_or_doubled_word_is_refused() {
        use CommandLineError::{Missing, Twice};
        assert_eq!(Params::from_command_line(""), Err(Missing { word: ROOT_WORD }));
        let root = format!("gantry.root={ROOT}");
        assert_eq!(Params::from_command_line(&root), Err(Missing { word: VERITY_WORD }));
        let doubled = format!("{} {root}", line("1000,1000,1009,2,ab"));
        assert_eq!(Params::from_command_line(&doubled), Err(Twice { word: ROOT_WORD }));
    }

    #[test]
    fn malformed_words_are_refused() {
        for bad in ["", "12", "zz", "\u{e9}", &ROOT[1..], &format!("{ROOT}00")] {
            let line = format!("gantry.root={bad} gantry.verity=1000,1000,1009,2,ab");
            assert!(
                matches!(Params::from_command_line(&line), Err(CommandLineError::RootHash { .. })),
                "{bad}"
            );
        }
        let long_salt = format!("1000,1000,1009,2,{}", "ab".repeat(33));
        for bad in
            ["", "1,2", "1000,1000,1009,2", "1000,1000,1009,2,ab,", "-1,1000,1009,2,ab", "1000,1000,1009,2,a"]
                .into_iter()
                .chain(["1000,1000,1009,256,ab", "99999999999999999999,1,1,2,ab", &long_salt])
        {
            let got = Params::from_command_line(&line(bad));
            assert!(matches!(got, Err(CommandLineError::Fields { .. })), "{bad}: {got:?}");
        }
        let got = Params::from_command_line(&line("1000,10,1009,2,ab"));
        assert!(matches!(got, Err(CommandLineError::Layout(LayoutError::HashStart { .. }))));
    }
}
