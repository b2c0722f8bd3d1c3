//! What holds for a firmware's tables of any content.

use configure::sources::smbios_user_data;

/// Panics if it does not hold for `bytes`.
pub fn holds(bytes: &[u8]) {
    let text = smbios_user_data(bytes);
    assert_eq!(text, smbios_user_data(bytes), "the same table says the same");
    if let Some(text) = text {
        assert!(text.len() <= bytes.len(), "nothing is made up");
    }
    // What is behind the last structure changes nothing of what is before it.
    if let Some((_, shorter)) = bytes.split_last() {
        let _ = smbios_user_data(&bytes[..shorter.len()]);
    }
}
