//! Every source by itself and all at once, on a host in a folder.

use std::fs::{self, File};
use std::path::PathBuf;

use settings::load;

use super::metadata::tests::{PATIENCE, Service};
use super::vmware::tests::Hypervisor;
use super::*;

/// A host in a folder, gone with the value.
struct Host(PathBuf);

impl Host {
    fn new(name: &str) -> Host {
        let root = std::env::temp_dir().join(format!("sources-{name}-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        Host(root)
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = under(&self.0, path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn vendor(&self, vendor: &str) {
        self.put("/sys/class/dmi/id/sys_vendor", format!("{vendor}\n").as_bytes());
    }

    /// Puts a document where a source finds it. The metadata service is no folder: it is given back.
    fn say(&self, layer: Layer, text: &str) -> Option<Service> {
        match layer {
            Layer::Esp => esp::tests::install(&self.0, Some(text)),
            Layer::Smbios => {
                let string = [smbios::KEY, text.as_bytes()].concat();
                self.put(SMBIOS, &smbios::tests::structure(11, &[&string]));
            }
            Layer::FwCfg => self.put(FW_CFG, text.as_bytes()),
            Layer::NoCloud => {
                let mut iso = vec![0; 34 << 10];
                iso[32768..32774].copy_from_slice(b"\x01CD001");
                iso[32808..32814].copy_from_slice(b"cidata");
                self.put("/dev/sr0", &iso);
                self.put("/sys/class/block/sr0", b"");
                self.put("/dev/sr0.files/user-data", text.as_bytes());
            }
            Layer::Vmware => self.vendor("VMware, Inc."),
            Layer::Imds => {
                self.vendor("Amazon EC2");
                return Some(Service::with(&[("/latest/user-data", text)]));
            }
            Layer::State => self.put(STATE, text.as_bytes()),
            other => panic!("no source writes {other}"),
        }
        None
    }

    fn world(&self, service: Option<&Service>) -> World {
        World {
            metadata: service.map(|service| service.at).into_iter().collect(),
            patience: PATIENCE,
            mount: |_, device| Ok(File::open(format!("{device}.files"))?.into()),
            port: || {
                let text = document(Layer::Vmware);
                Some(Box::new(Hypervisor::with(&[("guestinfo.userdata", text.as_bytes())])))
            },
            address: || None,
        }
    }

    fn gather(&self, run: Run, service: Option<&Service>) -> (Vec<Source>, Vec<Problem>) {
        gather_from(&self.0, run, &self.world(service))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SOURCES: [Layer; 7] =
    [Layer::Esp, Layer::Smbios, Layer::FwCfg, Layer::NoCloud, Layer::Vmware, Layer::Imds, Layer::State];

/// What a source says in these tests: who it is.
fn document(layer: Layer) -> String {
    format!("settings.motd = '{layer}'\nsettings.kernel.sysctl.'vm.{layer}' = '1'\n")
}

fn run_of(layer: Layer) -> Run {
    if layer == Layer::Imds { Run::Cloud } else { Run::Boot }
}

fn motd(sources: &[Source]) -> String {
    let said: Vec<_> = sources.iter().map(|source| (source.layer, source.bytes.as_slice())).collect();
    load(&said, &LIMITS).settings.motd.unwrap().as_str().to_owned()
}

#[test]
fn each_source_is_found_where_it_is_and_nowhere_else() {
    let host = Host::new("none");
    for run in [Run::Boot, Run::Cloud] {
        let (sources, problems) = host.gather(run, None);
        assert!(sources.is_empty() && problems.is_empty(), "{problems:?}");
    }
    for layer in SOURCES {
        let host = Host::new(layer.name());
        let service = host.say(layer, &document(layer));
        let (sources, problems) = host.gather(run_of(layer), service.as_ref());
        assert_eq!(problems, [], "{layer}");
        let found: Vec<_> = sources.iter().map(|source| (source.layer, source.bytes.clone())).collect();
        assert_eq!(found, [(layer, document(layer).into_bytes())]);
        assert_eq!(sources[0].digest.len(), 64);
        let other = if run_of(layer) == Run::Boot { Run::Cloud } else { Run::Boot };
        assert!(host.gather(other, service.as_ref()).0.is_empty(), "{layer}: the other run does not ask it");
    }
}

#[test]
fn of_all_sources_at_once_each_higher_one_wins() {
    let host = Host::new("all");
    for layer in SOURCES.into_iter().filter(|layer| !matches!(layer, Layer::Vmware | Layer::Imds)) {
        host.say(layer, &document(layer));
    }
    // No machine is VMware's and EC2's at once; the run of the one comes before that of the other.
    host.say(Layer::Vmware, "");
    let (mut sources, problems) = host.gather(Run::Boot, None);
    assert_eq!(problems, []);
    let service = host.say(Layer::Imds, &document(Layer::Imds));
    let (cloud, problems) = host.gather(Run::Cloud, service.as_ref());
    assert_eq!(problems, []);
    sources.extend(cloud);
    sources.sort_by_key(|source| source.layer);
    assert!(sources.iter().map(|source| source.layer).eq(SOURCES));
    for highest in (1..=SOURCES.len()).rev() {
        assert_eq!(motd(&sources[..highest]), SOURCES[highest - 1].name());
    }
    let said: Vec<_> = sources.iter().map(|source| (source.layer, source.bytes.as_slice())).collect();
    let loaded = load(&said, &LIMITS);
    assert_eq!(
        (loaded.settings.kernel.sysctl.len(), loaded.problems.len()),
        (SOURCES.len(), 0),
        "none silences another"
    );
}

#[test]
fn a_source_that_cannot_be_read_is_one_problem_with_its_layer() {
    let long = "#".repeat(LIMITS.text_bytes + 1);
    for layer in SOURCES.into_iter().filter(|layer| *layer != Layer::Vmware) {
        let host = Host::new(&format!("long-{layer}"));
        host.put(FW_CFG, b"settings.motd = 'still'\n");
        let service = host.say(layer, &long);
        let (sources, problems) = host.gather(run_of(layer), service.as_ref());
        match layer {
            // As long as the table: what it means is said when it is read.
            Layer::Smbios => assert_eq!(problems, []),
            _ => {
                assert_eq!(problems.len(), 1, "{layer}");
                assert_eq!((problems[0].layer, problems[0].path.as_str()), (layer, "(document)"));
            }
        }
        if !matches!(layer, Layer::FwCfg | Layer::Imds) {
            assert!(sources.iter().any(|source| source.layer == Layer::FwCfg), "{layer}: others are read");
        }
    }
}

#[test]
fn a_metadata_service_that_refuses_is_one_problem_and_no_other_machine_is_asked() {
    let host = Host::new("refused");
    host.vendor("Amazon EC2");
    let service =
        Service::start(Box::new(|_, _| Some(b"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n".to_vec())));
    let (sources, problems) = host.gather(Run::Cloud, Some(&service));
    assert!(sources.is_empty());
    assert_eq!(problems[0].layer, Layer::Imds);
    assert!(problems[0].why.contains("turned off for this instance"), "{}", problems[0].why);
    let asked = service.asked.lock().unwrap().len();
    host.vendor("QEMU");
    assert!(host.gather(Run::Cloud, Some(&service)).1.is_empty());
    assert_eq!(service.asked.lock().unwrap().len(), asked);
}

#[test]
fn the_port_is_touched_on_vmwares_machines_alone() {
    let host = Host::new("port");
    host.vendor("QEMU");
    let world = World { port: || panic!("touched"), ..host.world(None) };
    assert!(gather_from(&host.0, Run::Boot, &world).0.is_empty());
    host.vendor("VMware, Inc.");
    let world = World { port: || None, ..host.world(None) };
    assert!(gather_from(&host.0, Run::Boot, &world).0.is_empty(), "firmware that lies");
}

#[test]
fn there_is_a_second_run_only_for_what_needs_the_network() {
    let host = Host::new("cloud");
    assert!(!has_cloud(&host.0));
    host.put("/etc/hostname", b"edge\n");
    host.put(LEASE_NAME, b"edge\n");
    assert!(!has_cloud(&host.0), "the lease's name is the host's");
    host.put(LEASE_NAME, b"other\n");
    assert!(has_cloud(&host.0));
    host.put(LEASE_NAME, b"");
    host.vendor("Amazon EC2");
    assert!(has_cloud(&host.0));
    host.vendor("QEMU");
    host.put("/usr/lib/os-release", b"VARIANT_ID=kubernetes-1.33\n");
    assert!(has_cloud(&host.0));
}
