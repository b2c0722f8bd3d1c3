//! User data may be gzipped (RFC 1952): some platforms allow few bytes.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// Why a source could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It starts like gzip and is not.
    #[error("gzip data is damaged")]
    Damaged(#[source] io::Error),
    /// It unpacks to more than is taken.
    #[error("unpacks to more than {0} bytes")]
    TooLong(usize),
}

/// The text itself: unpacked if it was packed. Never more than `limit` bytes are held.
pub fn unpacked(bytes: Vec<u8>, limit: usize) -> Result<Vec<u8>, UnpackError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes.as_slice())
        .take(one_more)
        .read_to_end(&mut text)
        .map_err(UnpackError::Damaged)?;
    if text.len() > limit { Err(UnpackError::TooLong(limit)) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_text_passes_and_packed_text_is_unpacked() {
        assert_eq!(unpacked(b"a".to_vec(), 10).unwrap(), b"a");
        assert_eq!(unpacked(gzip(b"text"), 10).unwrap(), b"text");
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100 << 10);
        assert!(matches!(unpacked(bomb, 1 << 20), Err(UnpackError::TooLong(_))));
        assert_eq!(unpacked(gzip(&[7; 1000]), 1000).unwrap().len(), 1000);
    }

    #[test]
    fn damage_is_noticed() {
        let good = gzip(b"[settings]\nmotd = 'x'\n");
        for cut in 2..good.len() {
            assert!(
                matches!(unpacked(good[..cut].to_vec(), 100), Err(UnpackError::Damaged(_))),
                "cut at {cut}"
            );
        }
        let mut flipped = good.clone();
        let crc = good.len() - 8;
        flipped[crc] ^= 1;
        assert!(matches!(unpacked(flipped, 100), Err(UnpackError::Damaged(_))));
    }
}
