//! What holds for an image of any content.

use std::convert::Infallible;

use pe::uki::{Facts, HEAD_BYTES, MAX_TEXT_BYTES};
use pe::{Headers, Kernel, NewSection, append, without_signature};

/// Memory that one input may take: a header may ask for more, and that would only test the allocator.
const MEMORY_BYTES: usize = 1 << 20;
/// The largest that the specification allows.
const MAX_FILE_ALIGNMENT: u32 = 1 << 16;

/// Panics if it does not hold for `bytes`.
pub fn holds(bytes: &[u8]) {
    let Ok(headers) = Headers::parse(bytes) else {
        assert!(Kernel::parse(bytes).is_err() && without_signature(bytes).is_err());
        assert!(append(bytes, &[]).is_err(), "what cannot be read cannot be changed");
        assert!(Facts::of_file(bytes).is_err() && Facts::of_loaded(bytes).is_err());
        return;
    };
    for section in headers.sections() {
        let part = section.in_file(bytes);
        assert!(part.is_none_or(|part| part.len() <= section.raw_bytes as usize), "{section:?}");
        assert!(u64::from(section.raw_offset) + u64::from(section.raw_bytes) <= headers.image_len());
        assert!(section.rva.checked_add(section.virtual_bytes) <= Some(headers.size_of_image()));
    }
    if let Ok(kernel) = Kernel::parse(bytes) {
        lays_out(&kernel);
    }
    speaks(bytes, &headers);
    changes(bytes, &headers);
}

/// What a UKI says about itself is the same however it is read, bounded, and absent where a section is absent or doubled.
fn speaks(bytes: &[u8], headers: &Headers<'_>) {
    let facts = Facts::of_file(bytes).expect("the headers can be read");
    assert_eq!(facts.image_bytes, headers.image_len());
    let mut looked_at = 0;
    let read = Facts::read(|offset, length| {
        looked_at += length;
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        Ok::<_, Infallible>(rest[..length.min(rest.len())].to_vec())
    });
    assert!(looked_at <= HEAD_BYTES + 4 * MAX_TEXT_BYTES, "{looked_at} bytes");
    // Headers may end behind the part that is read for them: then there is nothing to say.
    assert!(
        read.as_ref().is_ok_and(|read| *read == facts)
            || Headers::parse(&bytes[..bytes.len().min(HEAD_BYTES)]).is_err()
    );
    // A byte that is no text becomes three that are.
    assert!(facts.command_line.len().max(facts.uname.len()) <= 3 * MAX_TEXT_BYTES);
    for (name, empty) in [
        (".cmdline", facts.command_line.is_empty()),
        (".uname", facts.uname.is_empty()),
        (".osrel", facts.os_release.iter().next().is_none()),
        (".sbat", facts.security_version == 0),
    ] {
        assert!(empty || headers.section(name).is_some(), "{name} out of nowhere");
    }
    let _ = Facts::of_loaded(bytes).expect("the headers are the same");
}

/// Every byte of the image is written, none behind it, and the same each time.
fn lays_out(kernel: &Kernel<'_>) {
    let size = kernel.memory_bytes();
    assert!(kernel.entry_offset() < size && kernel.alignment().is_power_of_two());
    if size > MEMORY_BYTES {
        return;
    }
    let [zeroes, ones] = [0x00, 0xff].map(|fill| {
        let mut memory = vec![fill; size + 1];
        kernel.lay_out(&mut memory).expect("what was checked fits");
        assert_eq!(memory.pop(), Some(fill), "nothing behind the image is touched");
        memory
    });
    assert_eq!(zeroes, ones, "nothing of what was there shows through");
    assert!(size == 0 || kernel.lay_out(&mut vec![0; size - 1]).is_err(), "too little memory is refused");
}

/// A new image is one, and says what the old one said and what was added.
fn changes(bytes: &[u8], headers: &Headers<'_>) {
    let Ok(bare) = without_signature(bytes) else { return };
    assert!(bare.len() <= bytes.len());
    let new = append(bytes, &[NewSection { name: ".new", bytes: b"payload" }]);
    assert_eq!(without_signature(&bare).as_ref(), Ok(&bare), "once is enough");
    assert_eq!(Headers::parse(&bare).map(|bare| bare.certificates().1), Ok(0));
    let Ok(new) = new else { return };
    assert!(new.len() <= bare.len() + 2 * MAX_FILE_ALIGNMENT as usize, "and no longer than it must be");
    let read = Headers::parse(&new).expect("a new image can be read");
    let added = read.section(".new").expect("it has the new section");
    assert_eq!(added.in_file(&new), Some(&b"payload"[..]));
    assert!(read.image_len() <= new.len() as u64, "and all of its bytes");
    assert!(read.sections().eq(headers.sections().chain([added])), "the old ones stay as they were");
    for section in headers.sections() {
        assert_eq!(section.in_file(&bare), section.in_file(&new), "{section:?}");
        assert!(section.rva + section.virtual_bytes <= added.rva, "{section:?}");
    }
}
