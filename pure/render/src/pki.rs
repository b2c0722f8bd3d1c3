//! Authorities that the host trusts beside those of its image.

use alloc::string::String;

use settings::Settings;

use crate::plan::Out;
use crate::{Error, Facts, Renderer, Variant};

/// Beside the image's bundle. containerd and the kubelet (Go) read every file of this folder, `containers` reads this one.
const PATH: &str = "/etc/ssl/certs/settings.pem";

pub(crate) const RENDERERS: &[Renderer] = &[
    Renderer {
        name: "trust",
        reads: &["pki"],
        units: &["containers"],
        variants: &[Variant::Standalone],
        render: trust,
    },
    Renderer {
        name: "trust",
        reads: &["pki"],
        // It reads them once.
        units: &["containers", "containerd"],
        variants: &[Variant::Kubernetes, Variant::Ecs],
        render: trust,
    },
];

fn trust(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    let trusted = settings.pki.values().filter(|bundle| bundle.trusted == Some(true));
    let mut pem = String::new();
    for data in trusted.filter_map(|bundle| bundle.data.as_ref()) {
        pem += &data.pem();
        if !pem.is_empty() && !pem.ends_with('\n') {
            pem.push('\n');
        }
    }
    if !pem.is_empty() {
        out.public(PATH, pem);
    }
    Ok(())
}
