//! Whoever asks the TPM learns what was booted.

use slots::Set;

use crate::sets::{TwoSets, starting};
use crate::story::{BOOT, OrTell as _, SOON};

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn tpm_holds_what_was_predicted_for_this_boot_manager_and_image() {
    let story = TwoSets::begin("tpm_holds_what_was_predicted_for_this_boot_manager_and_image");
    let read = |name: &str| std::fs::read(story.lab.image.file(name)).unwrap();
    let predicted = signing::pcrs::predict(&read("bootmgr.efi"), &read("uki.efi")).unwrap();
    let mut guest = story.machine().tpm().orders().start().or_tell();
    guest.wait_for("set A", BOOT, starting(Set::A)).or_tell();
    guest.wait_for("a probe", BOOT, |text| text.contains("probe: listening")).or_tell();
    for (register, want) in [(4, predicted.pcr4), (11, predicted.pcr11)] {
        let got = guest.show(&format!("/sys/class/tpm/tpm0/pcr-sha256/{register}"), SOON).or_tell();
        let want: String = want.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(got, want, "register {register}");
    }
}
