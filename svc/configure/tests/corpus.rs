//! The fuzzing corpora of disks, firmware tables, documents and answers, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/metadata.rs"]
mod metadata;

#[path = "../../../fuzz/properties/multipart.rs"]
mod multipart;

#[path = "../../../fuzz/properties/smbios.rs"]
mod smbios;

#[path = "../../../fuzz/properties/volume_label.rs"]
mod volume_label;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_of_disks_holds_for_the_whole_corpus() {
    replay::corpus("volume_label", 5, volume_label::holds);
}

#[test]
fn the_property_of_firmware_tables_holds_for_the_whole_corpus() {
    replay::corpus("smbios", 15, smbios::holds);
}

#[test]
fn the_property_of_parts_holds_for_the_whole_corpus() {
    replay::corpus("multipart", 30, multipart::holds);
}

#[test]
fn the_property_of_answers_holds_for_the_whole_corpus() {
    replay::corpus("metadata", 25, metadata::holds);
}
