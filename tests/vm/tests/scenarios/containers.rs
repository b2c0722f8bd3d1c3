//! The main job: containers that user data declares run, and go on running.

use vm::oci::PAGE;

use crate::story::{BOOT, OrTell as _, SOON, Story, WEB};

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn first_boot_runs_the_container() {
    let story = Story::begin("first_boot_runs_the_container");
    let guest = story.boot(WEB);
    assert_eq!(guest.fetch(8080, "/", BOOT).or_tell(), PAGE);
    guest.wait_milestone("container/web", SOON).or_tell();
    // The timeline tells the story in its order.
    let timeline = guest.timeline();
    let order = ["stage1", "root", "pid1", "var", "containerd-exec", "containerd", "container/web"];
    let times: Vec<_> = order.iter().map(|name| timeline.at(name)).collect();
    assert!(times.iter().all(Option::is_some), "{order:?} {times:?}");
    assert!(times.is_sorted(), "{order:?} {times:?}");
    assert!(timeline.firmware().is_some());
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn two_containers_from_user_data_both_run() {
    let story = Story::begin("two_containers_from_user_data_both_run");
    let talker = r#"
[settings.containers.talker]
image = "registry.gantry.test/busybox:1"
command = ["/bin/sh", "-c", "echo $GREETING from $(id -u); exec sleep 100000"]
env = { GREETING = "good day" }
user = "1000:1000"
"#;
    let guest = story.boot(&format!("{WEB}{talker}"));
    assert_eq!(guest.fetch(8080, "/", BOOT).or_tell(), PAGE);
    guest
        .wait_for("the second container's words", SOON, |text| text.contains("[talker] good day from 1000"))
        .or_tell();
    guest.wait_milestone("container/web", SOON).or_tell();
    guest.wait_milestone("container/talker", SOON).or_tell();
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn exited_container_is_restarted_and_keeps_its_volume() {
    let story = Story::begin("exited_container_is_restarted_and_keeps_its_volume");
    let guest = story.boot(
        r#"
[settings.containers.worker]
image = "registry.gantry.test/busybox:1"
command = ["/bin/sh", "-c", "echo . >> /keep/starts; echo start $(wc -l < /keep/starts); exec sleep 1"]
mounts = [{ source = "keep", destination = "/keep" }]
"#,
    );
    for number in 1..=3 {
        let word = format!("[worker] start {number}");
        guest.wait_for(&word, BOOT, |text| text.ends_with(&word)).or_tell();
    }
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn crash_looping_container_is_held_while_host_stays() {
    let story = Story::begin("crash_looping_container_is_held_while_host_stays");
    let broken = r#"
[settings.containers.broken]
image = "registry.gantry.test/busybox:1"
command = ["/bin/false"]
"#;
    let mut guest = story.boot(&format!("{WEB}{broken}"));
    assert_eq!(guest.fetch(8080, "/", BOOT).or_tell(), PAGE);
    // It is given up on for longer and longer, and says so.
    guest
        .wait_for("held container", BOOT, |text| {
            text.contains("containers: ") && text.contains("held") && text.contains("broken")
        })
        .or_tell();
    // Its neighbour and the host are as well as before.
    assert_eq!(guest.fetch(8080, "/", SOON).or_tell(), PAGE);
    assert!(guest.power_off(SOON).or_tell().success());
}
