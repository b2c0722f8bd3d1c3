//! Whatever the bytes: no panic, nothing outside the slice.

#![allow(clippy::unwrap_used)]

mod common;

use common::{image, parts, signed};
use pe::{Headers, Kernel, NewSection, append, without_signature};

/// Everything that the crate does with bytes from outside. Also the body of a fuzz target.
fn everything(bytes: &[u8]) {
    if let Ok(headers) = Headers::parse(bytes) {
        let _ = headers.image_len();
        for section in headers.sections() {
            assert!(section.in_file(bytes).is_none_or(|part| part.len() <= bytes.len()));
            assert!(section.in_memory(bytes).is_none_or(|part| part.len() <= bytes.len()));
        }
    }
    if let Ok(kernel) = Kernel::parse(bytes)
        && kernel.memory_bytes() < 1 << 20
    {
        let mut memory = vec![0; kernel.memory_bytes()];
        kernel.lay_out(&mut memory).unwrap();
        assert!(kernel.entry_offset() < memory.len());
    }
    let _ = without_signature(bytes);
    if let Ok(new) = append(bytes, &[NewSection { name: ".new", bytes: b"payload" }])
        && new.len() < 1 << 20
    {
        let headers = Headers::parse(&new).unwrap();
        assert_eq!(headers.section(".new").unwrap().in_file(&new), Some(&b"payload"[..]));
    }
}

#[test]
fn forged_headers_never_panic() {
    const INTERESTING: [u32; 10] =
        [0, 1, 0x1000, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0xffff_f000, 0x200, 40, 0x20b];
    let originals = [image(&parts()), signed(&image(&parts()))];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = |sides: usize| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    };
    for round in 0..60_000 {
        let mut bytes = originals[round % 2].clone();
        for _ in 0..=roll(4) {
            let at = roll(0x200);
            let value = if roll(2) == 0 { INTERESTING[roll(10)] } else { roll(1 << 31) as u32 };
            // Sections of gigabytes are legal; appending to one would only test the allocator.
            let value = if value > 1 << 24 && at % 4 != 0 { value & 0xff } else { value };
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        if roll(4) == 0 {
            bytes.truncate(roll(bytes.len()));
        }
        everything(&bytes);
    }
}

#[test]
fn every_truncation_is_refused_or_consistent() {
    let whole = signed(&image(&parts()));
    for len in 0..whole.len() {
        everything(&whole[..len]);
    }
}
