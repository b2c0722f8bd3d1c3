//! What holds for a disk of any content.

use configure::sources::identify;

/// Panics if it does not hold for a disk of these bytes.
pub fn holds(disk: &[u8]) {
    let mut reads = 0;
    let volume = identify(|offset, buffer| {
        reads += 1;
        assert!(buffer.len() <= 4096, "reads are small: {}", buffer.len());
        let bytes =
            usize::try_from(offset).ok().and_then(|start| disk.get(start..start.checked_add(buffer.len())?));
        bytes.map(|bytes| buffer.copy_from_slice(bytes)).is_some()
    });
    assert!(reads <= 3, "and few: {reads}");
    if let Some(volume) = volume {
        assert!(!volume.label.is_empty() && volume.label.len() <= 32);
    }
}
