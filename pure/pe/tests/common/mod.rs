//! A small image to work on: headers, `.text` and `.data`, shaped like a kernel's.

/// One section of the test image.
pub struct Part {
    pub name: &'static str,
    pub rva: u32,
    pub virtual_bytes: u32,
    pub raw_offset: u32,
    pub raw: Vec<u8>,
    pub characteristics: u32,
}

pub fn parts() -> Vec<Part> {
    let part = |name, rva, virtual_bytes, raw_offset, fill, characteristics| Part {
        name,
        rva,
        virtual_bytes,
        raw_offset,
        raw: vec![fill; 0x200],
        characteristics,
    };
    vec![
        part(".text", 0x1000, 0x180, 0x400, 0x90, 0x6000_0020),
        part(".data", 0x2000, 0x3000, 0x600, 0xda, 0xc000_0040),
    ]
}

pub fn image(parts: &[Part]) -> Vec<u8> {
    let mut image = vec![0; 0x400];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &0x80_u32.to_le_bytes());
    put(0x80, b"PE\0\0");
    put(0x84, &0x8664_u16.to_le_bytes());
    put(0x86, &(parts.len() as u16).to_le_bytes());
    put(0x88, &0x1234_5678_u32.to_le_bytes());
    put(0x94, &240_u16.to_le_bytes());
    let optional = 0x98;
    put(optional, &0x20b_u16.to_le_bytes());
    for (at, value) in
        [(16, 0x1010_u32), (32, 0x1000), (36, 0x200), (56, 0x5000), (60, 0x400), (64, 0xdead), (108, 16)]
    {
        put(optional + at, &value.to_le_bytes());
    }
    put(optional + 70, &0x100_u16.to_le_bytes());
    for (index, part) in parts.iter().enumerate() {
        let at = optional + 240 + index * 40;
        put(at, part.name.as_bytes());
        put(at + 8, &part.virtual_bytes.to_le_bytes());
        put(at + 12, &part.rva.to_le_bytes());
        put(at + 16, &(part.raw.len() as u32).to_le_bytes());
        put(at + 20, &part.raw_offset.to_le_bytes());
        put(at + 36, &part.characteristics.to_le_bytes());
    }
    for part in parts {
        image.resize(part.raw_offset as usize, 0);
        image.extend_from_slice(&part.raw);
    }
    image
}

/// The image as a signer leaves it.
pub fn signed(image: &[u8]) -> Vec<u8> {
    let mut signed = image.to_vec();
    signed[0x98 + 112 + 32..][..4].copy_from_slice(&(image.len() as u32).to_le_bytes());
    signed[0x98 + 112 + 36..][..4].copy_from_slice(&64_u32.to_le_bytes());
    signed.extend([0x51; 64]);
    signed
}
