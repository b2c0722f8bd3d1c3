//! Bad input changes nothing else and is named.

use vm::oci::PAGE;

use crate::story::{BOOT, OrTell as _, SOON, Story, WEB};

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn bad_user_data_leaves_the_machine_up_and_says_why() {
    let story = Story::begin("bad_user_data_leaves_the_machine_up_and_says_why");
    let bad = r#"
[settings.network]
hostnam = "node-1"

[settings.containers.numbered]
image = 5
"#;
    let guest = story
        .machine(&format!("{WEB}{bad}"))
        .nocloud("[settings\nmotd = \"never closed\"\n")
        .forward(8080)
        .start()
        .or_tell();
    let problem = |path: &'static str| {
        move |text: &str| text.contains("configure: user data problem") && text.contains(path)
    };
    guest.wait_for("unknown key named", BOOT, problem("settings.network.hostnam")).or_tell();
    guest.wait_for("wrong type named", BOOT, problem("settings.containers.numbered.image")).or_tell();
    guest.wait_for("syntax error named", BOOT, problem("source=nocloud")).or_tell();
    // What was right is applied.
    assert_eq!(guest.fetch(8080, "/", BOOT).or_tell(), PAGE);
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn nocloud_disk_wins_over_fw_cfg() {
    let story = Story::begin("nocloud_disk_wins_over_fw_cfg");
    let say = |word: &str| {
        format!(
            "[settings.containers.voice]\nimage = \"registry.gantry.test/busybox:1\"\n\
             command = [\"/bin/sh\", \"-c\", \"echo I am {word}; exec sleep 100000\"]\n"
        )
    };
    let guest = story.machine(&say("fw_cfg")).nocloud(say("nocloud")).start().or_tell();
    let heard = guest.wait_for("the container's word", BOOT, |text| text.contains("[voice] I am ")).or_tell();
    assert!(heard.text.ends_with("I am nocloud"), "{}", heard.text);
    guest.wait_milestone("container/voice", SOON).or_tell();
}
