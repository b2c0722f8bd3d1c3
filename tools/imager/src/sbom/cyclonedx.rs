//! CycloneDX 1.5 as JSON (<https://cyclonedx.org/docs/1.5/json/>).

use serde_json::{Value, json};

use super::{Component, Subject, Supplier};
use crate::filesystem::uuid;

/// The document.
pub(super) fn document(subject: &Subject, components: &[Component]) -> Value {
    let image = format!("gantry-{}@{}", subject.name, subject.version);
    let parts: Vec<&str> = components.iter().map(|component| component.purl.as_str()).collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": format!("urn:uuid:{}", uuid(&format!("{image} {}", subject.root_hash))),
        "version": 1,
        "metadata": {
            "timestamp": subject.date,
            "tools": { "components": [{ "type": "application", "name": "gantry-imager", "version": subject.version }] },
            "component": {
                "type": "operating-system",
                "bom-ref": image,
                "name": format!("gantry-{}", subject.name),
                "version": subject.version,
            },
        },
        "components": components.iter().map(part).collect::<Vec<_>>(),
        "dependencies": [{ "ref": image, "dependsOn": parts }],
    })
}

fn part(component: &Component) -> Value {
    let kind = match &component.supplier {
        Supplier::Debian { .. } | Supplier::Gantry => "application",
        Supplier::Crate | Supplier::Rust => "library",
    };
    let mut value = json!({
        "type": kind,
        "bom-ref": component.purl,
        "name": component.name,
        "version": component.version,
        "purl": component.purl,
    });
    if let Some(expression) = &component.licence.expression {
        value["licenses"] = json!([{ "expression": expression }]);
    }
    if let Some(page) = &component.homepage {
        value["externalReferences"] = json!([{ "type": "website", "url": page }]);
    }
    if let Supplier::Debian { source, sha256, built_using } = &component.supplier {
        value["supplier"] = json!({ "name": "Debian" });
        let mut properties = vec![
            json!({ "name": "gantry:debian:source", "value": source }),
            json!({ "name": "gantry:debian:package-sha256", "value": sha256 }),
        ];
        let used =
            built_using.iter().map(|used| json!({ "name": "gantry:debian:built-using", "value": used }));
        properties.extend(used);
        value["properties"] = json!(properties);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SUBJECT, sample};
    use super::*;

    #[test]
    fn every_component_is_a_dependency_of_the_image() {
        let document = document(&SUBJECT, &sample());
        let components = document["components"].as_array().unwrap();
        assert_eq!(components.len(), 3);
        assert_eq!(document["dependencies"][0]["dependsOn"].as_array().unwrap().len(), 3);
        assert_eq!(components[1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(components[0]["properties"][2]["value"], "golang-1.24 (= 1.24.4-1)");
    }
}
