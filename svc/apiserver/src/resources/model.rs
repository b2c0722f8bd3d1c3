//! Bottlerocket's model: settings, services, configuration files, os.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::sections::Section;
use super::settings::begins;
use crate::answer::{Answer, Refusal, json};
use crate::serve::Ask;
use crate::state::{Api, inside};

/// `GET /`
pub fn everything(api: &Arc<Api>, ask: &Ask) -> Answer {
    let (now, secrets) = (api.now(), ask.secrets()?);
    let sections = [services_of(api)?, configuration_files_of(api)?, os_of(api)];
    let mut model = Map::new();
    let Some(prefix) = ask.filled("prefix")? else {
        model.insert("settings".into(), inside(now.value.to_json(secrets)));
        model.extend(sections.into_iter().map(|section| (section.name.into(), section.entries.into())));
        return Ok(json(&model));
    };
    if "settings.".starts_with(prefix) || prefix.starts_with("settings.") {
        model.insert("settings".into(), inside(begins(&now.value, prefix).to_json(secrets)));
    }
    for section in sections {
        let name = section.name;
        model.extend(section.beginning(prefix).map(|entries| (name.into(), entries.into())));
    }
    Ok(json(&model))
}

/// `GET /os`
pub fn os(api: &Arc<Api>, ask: &Ask) -> Answer {
    os_of(api).answer(ask)
}

/// `GET /services`
pub fn services(api: &Arc<Api>, ask: &Ask) -> Answer {
    services_of(api)?.answer(ask)
}

/// `GET /configuration-files`
pub fn configuration_files(api: &Arc<Api>, ask: &Ask) -> Answer {
    configuration_files_of(api)?.answer(ask)
}

fn os_of(api: &Api) -> Section {
    let release = api.release();
    let fields = [
        ("version_id", release.version_id.as_str()),
        ("build_id", &release.build_id),
        ("variant_id", &release.variant_id),
        ("arch", std::env::consts::ARCH),
        ("pretty_name", &release.pretty_name),
    ];
    let entries = fields.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    Section { name: "os", entries }
}

/// Units that read files which settings become. There are no commands: units are renewed by PID 1.
fn services_of(api: &Api) -> Result<Section, Refusal> {
    let mut services: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in files_of(api)? {
        for unit in file.units {
            services.entry(unit).or_default().push(file.name.clone());
        }
    }
    let entries = services.into_iter().map(|(unit, files)| {
        (unit.to_owned(), json!({ "configuration-files": files, "restart-commands": [] }))
    });
    Ok(Section { name: "services", entries: entries.collect() })
}

fn configuration_files_of(api: &Api) -> Result<Section, Refusal> {
    let entries = files_of(api)?
        .into_iter()
        .map(|file| (file.name, json!({ "path": file.path, "mode": format!("{:04o}", file.mode) }) as Json));
    Ok(Section { name: "configuration-files", entries: entries.collect() })
}

/// A file that settings become.
struct File {
    /// The renderer's, and the file's own where the renderer has several.
    name: String,
    path: String,
    mode: u32,
    units: &'static [&'static str],
}

fn files_of(api: &Api) -> Result<Vec<File>, Refusal> {
    let now = api.now();
    let mut files = Vec::new();
    for renderer in render::table::of(api.facts()) {
        let plan = renderer.plan(&now.settings, api.facts());
        let plan = plan.map_err(|err| Refusal::host("a configuration file cannot be made", &err))?;
        let alone = plan.files.len() == 1;
        files.extend(plan.files.into_iter().map(|file| {
            let own = file.path.rsplit('/').next().unwrap_or_default();
            let name = if alone { renderer.name.to_owned() } else { format!("{}-{own}", renderer.name) };
            File { name, path: file.path, mode: file.mode, units: file.units }
        }));
    }
    Ok(files)
}
