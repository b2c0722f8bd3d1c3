//! What holds for an image of any content.

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
    changes(bytes, &headers);
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
