//! Measures the payload into the TPM through the TCG2 protocol (TCG EFI Protocol Specification, 6.6).

use platform::say;
use stub::measure::{self, PCR};
use uefi::proto::tcg::v2::{HashLogExtendEventFlags, PcrEventInputs, Tcg};
use uefi::proto::tcg::{EventType, PcrIndex};
use uefi::{Result, boot};

/// Extends PCR 11. Without a TPM: silently nothing. A failure is said and does not stop the boot: what is sealed to the
/// right values stays sealed.
pub fn measure(image: &[u8]) {
    let Ok(handle) = boot::get_handle_for_protocol::<Tcg>() else { return };
    let Ok(mut tpm) = platform::open::<Tcg>(handle) else { return };
    if !tpm.get_capability().is_ok_and(|capability| capability.tpm_present()) {
        return;
    }
    let Ok(sections) = measure::sections(image) else { return };
    for section in &sections {
        // The name says which section the next event is: the same bytes under another name give another value.
        for data in [section.name.as_slice(), section.content] {
            if let Err(err) = extend(&mut tpm, &section.name, data) {
                say!("stub: cannot measure the payload into PCR {PCR}: {}", err.status());
                return;
            }
        }
    }
    say!("stub: measured {} sections into PCR {PCR}", sections.len());
}

fn extend(tpm: &mut Tcg, description: &[u8], data: &[u8]) -> Result {
    let event = PcrEventInputs::new_in_box(PcrIndex(PCR), EventType::IPL, description)?;
    tpm.hash_log_extend_event(HashLogExtendEventFlags::empty(), data, &event)
}
