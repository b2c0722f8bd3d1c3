//! SPDX 2.3 as JSON (<https://spdx.github.io/spdx-spec/v2.3/>).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Component, Subject, Supplier};

const UNKNOWN: &str = "NOASSERTION";
const SUBJECT: &str = "SPDXRef-image";

/// The document.
pub(super) fn document(subject: &Subject, components: &[Component]) -> Value {
    let mut packages = vec![json!({
        "SPDXID": SUBJECT,
        "name": format!("gantry-{}", subject.name),
        "versionInfo": subject.version,
        "supplier": "Organization: Gantry",
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "primaryPackagePurpose": "OPERATING-SYSTEM",
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": UNKNOWN,
        "copyrightText": UNKNOWN,
    })];
    let mut relationships = vec![relationship("SPDXRef-DOCUMENT", "DESCRIBES", SUBJECT)];
    let mut texts = BTreeMap::new();
    for (number, component) in components.iter().enumerate() {
        let id = format!("SPDXRef-{number}-{}", plain(&component.name));
        packages.push(package(&id, component));
        relationships.push(relationship(SUBJECT, "CONTAINS", &id));
        texts.extend(component.licence.texts.iter().map(|(name, text)| (name.clone(), text.clone())));
    }
    let texts: Vec<Value> =
        texts.into_iter().map(|(id, text)| json!({ "licenseId": id, "extractedText": text })).collect();
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("gantry-{}-{}", subject.name, subject.version),
        "documentNamespace": format!("urn:gantry:sbom:{}:{}:{}", subject.name, subject.version, subject.root_hash),
        "creationInfo": { "created": subject.date, "creators": [format!("Tool: gantry-imager-{}", subject.version)] },
        "documentDescribes": [SUBJECT],
        "packages": packages,
        "relationships": relationships,
        "hasExtractedLicensingInfos": texts,
    })
}

fn package(id: &str, component: &Component) -> Value {
    let mut value = json!({
        "SPDXID": id,
        "name": component.name,
        "versionInfo": component.version,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": component.licence.expression.as_deref().unwrap_or(UNKNOWN),
        "copyrightText": UNKNOWN,
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": component.purl,
        }],
    });
    if let Some(page) = &component.homepage {
        value["homepage"] = json!(page);
    }
    match &component.supplier {
        Supplier::Debian { source, sha256, built_using } => {
            value["supplier"] = json!("Organization: Debian");
            value["checksums"] = json!([{ "algorithm": "SHA256", "checksumValue": sha256 }]);
            value["sourceInfo"] = json!(format!("Debian source package {source}"));
            if !built_using.is_empty() {
                value["comment"] = json!(format!("Built using: {}", built_using.join(", ")));
            }
        }
        Supplier::Gantry => value["supplier"] = json!("Organization: Gantry"),
        Supplier::Crate | Supplier::Rust => {}
    }
    value
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

/// Letters, digits, dots and dashes are what an identifier may have.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SUBJECT as OF, sample};
    use super::*;

    #[test]
    fn every_component_is_contained_and_every_reference_explained() {
        let document = document(&OF, &sample());
        assert_eq!(document["packages"].as_array().unwrap().len(), 4);
        assert_eq!(document["relationships"].as_array().unwrap().len(), 4);
        assert_eq!(document["packages"][1]["licenseDeclared"], "LicenseRef-debian-odd-1");
        assert_eq!(document["hasExtractedLicensingInfos"][0]["extractedText"], "Text of it.");
        assert_eq!(document["packages"][2]["licenseDeclared"], "MIT OR Apache-2.0");
    }
}
