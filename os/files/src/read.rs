//! Reading with a limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::Error;

/// The whole file, if it is no longer than `limit` bytes.
///
/// Trusts no size the file claims: files of /proc and /sys claim 0 or 4096 and hold something else.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Error> {
    let mut file = File::open(path).map_err(|err| Error::Open { path: path.to_owned(), err })?;
    let mut bytes = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.by_ref()
        .take(one_more)
        .read_to_end(&mut bytes)
        .map_err(|err| Error::Read { path: path.to_owned(), err })?;
    if bytes.len() > limit {
        return Err(Error::TooLong { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// Like [`read`], for files that must be UTF-8 text.
pub fn read_text(path: &Path, limit: usize) -> Result<String, Error> {
    String::from_utf8(read(path, limit)?).map_err(|err| Error::NotText { path: path.to_owned(), err })
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::Error;
    use std::path::Path;

    #[test]
    fn a_file_of_exactly_the_limit_is_read_and_one_byte_more_is_refused() {
        let dir = std::env::temp_dir().join(format!("files-read-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("f");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert!(matches!(read(&path, 4), Err(Error::TooLong { limit: 4, .. })));
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn an_endless_file_is_refused_not_read() {
        assert!(matches!(read(Path::new("/dev/zero"), 1000), Err(Error::TooLong { .. })));
    }

    #[test]
    fn a_missing_file_says_so() {
        assert!(read(Path::new("/nonexistent/f"), 1).unwrap_err().is_absent());
    }
}
