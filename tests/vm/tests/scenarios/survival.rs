//! What the host survives, and how it ends.

use vm::Disk;
use vm::oci::PAGE;

use crate::story::{BOOT, OrTell as _, SOON, Story, WEB};

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn killed_containerd_comes_back_with_its_containers() {
    let story = Story::begin("killed_containerd_comes_back_with_its_containers");
    let mut guest = story.machine(WEB).forward(8080).orders().start().or_tell();
    assert_eq!(guest.fetch(8080, "/", BOOT).or_tell(), PAGE);

    let killed = guest.order("kill containerd KILL", SOON).or_tell();
    guest
        .wait_after(&killed, "containerd that is ready again", SOON, |text| {
            text.contains("init: unit containerd state=ready")
        })
        .or_tell();
    // The container lived on without it.
    assert_eq!(guest.fetch(8080, "/", SOON).or_tell(), PAGE);

    // And it is watched again: when it dies now, it is started again through the new containerd. Its first process is a
    // shell, the only one on the machine.
    let killed = guest.order("kill sh KILL", SOON).or_tell();
    guest
        .wait_after(&killed, "container that runs again", SOON, |text| {
            text.contains("containers: container running") && text.contains("name=web")
        })
        .or_tell();
    assert_eq!(guest.fetch(8080, "/", SOON).or_tell(), PAGE);
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn killed_service_of_ours_comes_back_and_the_container_never_notices() {
    let story = Story::begin("killed_service_of_ours_comes_back_and_the_container_never_notices");
    let mut guest = story.machine(WEB).forward(8080).orders().start().or_tell();
    assert_eq!(guest.fetch(8080, "/", BOOT).or_tell(), PAGE);
    for service in ["containers", "logd", "netd"] {
        let killed = guest.order(&format!("kill {service} KILL"), SOON).or_tell();
        let back = format!("init: unit {service} state=ready");
        guest.wait_after(&killed, &back, SOON, |text| text.contains(&back)).or_tell();
        assert_eq!(guest.fetch(8080, "/", SOON).or_tell(), PAGE);
    }
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn power_off_is_orderly_and_loses_no_log_line() {
    let story = Story::begin("power_off_is_orderly_and_loses_no_log_line");
    let counter = r#"
[settings.containers.counter]
image = "registry.gantry.test/busybox:1"
command = ["/bin/sh", "-c", "trap 'echo last $n; exit 0' TERM; n=0; while :; do n=$((n+1)); echo line $n; sleep 0.1 & wait $!; done"]
"#;
    let mut guest = story.boot(counter);
    guest.wait_for("thirty lines", BOOT, |text| text.ends_with("[counter] line 30")).or_tell();
    assert!(guest.power_off(SOON).or_tell().success());
    guest.wait_for("a last word", SOON, |text| text.contains("init: powering off")).or_tell();

    let tools = &story.lab.tools;
    let log = guest.disk().read_data(tools, "/log/containers/counter.log").or_tell();
    let words: Vec<_> =
        log.lines().filter_map(|line| line.split_once(": ").map(|(_, text)| text.trim())).collect();
    let last = words
        .iter()
        .find_map(|word| word.strip_prefix("last "))
        .unwrap_or_else(|| panic!("no last word:\n{log}"));
    let count: usize = last.parse().unwrap();
    let lines: Vec<_> =
        words.iter().filter(|word| word.starts_with("line ")).map(|word| (*word).to_owned()).collect();
    let want: Vec<_> = (1..=count).map(|number| format!("line {number}")).collect();
    assert_eq!(lines, want);
    guest
        .disk()
        .check_data(tools)
        .or_tell()
        .unwrap_or_else(|report| panic!("the file system is not clean: {report}"));
    let host = guest.disk().read_data(tools, "/log/host.log").or_tell();
    assert!(host.contains("init: "), "the kernel's and PID 1's words are missing:\n{host}");
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn machine_whose_plug_was_pulled_boots_again_with_its_containers() {
    const NAME: &str = "machine_whose_plug_was_pulled_boots_again_with_its_containers";
    let story = Story::begin(NAME);
    let disk =
        Disk::copy(&story.lab.image.disk(), &story.lab.machines.join(format!("{NAME}.img")), None).or_tell();
    let mut guest = story.machine(WEB).disk(disk.clone()).forward(8080).start().or_tell();
    assert_eq!(guest.fetch(8080, "/", BOOT).or_tell(), PAGE);
    guest.kill();
    // It really was not unmounted.
    disk.check_data(&story.lab.tools).or_tell().unwrap_err();
    let guest = story.machine(WEB).disk(disk.clone()).forward(8080).start().or_tell();
    let page = guest.fetch(8080, "/", BOOT);
    std::fs::remove_file(disk.path()).unwrap();
    assert_eq!(page.or_tell(), PAGE);
}
