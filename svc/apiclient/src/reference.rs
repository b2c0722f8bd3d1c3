//! The reference page, made from what the command line is made from: neither can say what the other does not know.

use std::fmt::Write as _;

use clap::Command;

/// `docs/reference/apiclient.md`.
pub fn page() -> String {
    let mut command = crate::command().term_width(110);
    command.build();
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n## Commands\n\n| command | does |\n|---|---|\n");
    for inner in commands(&command) {
        let about = inner.get_about().map(ToString::to_string).unwrap_or_default();
        let name = inner.get_name();
        // Writing to a String cannot fail; so below.
        let _ = writeln!(page, "| [`{name}`](#apiclient-{name}) | {about} |");
    }
    let _ = write!(page, "\n## Everywhere\n\n```text\n{}\n```\n", help(&command));
    sections(&command, "apiclient", &mut page);
    page
}

fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|inner| inner.get_name() != "help")
}

fn sections(command: &Command, path: &str, page: &mut String) {
    for inner in commands(command) {
        let path = format!("{path} {}", inner.get_name());
        let _ = write!(page, "\n### {path}\n\n```text\n{}\n```\n", help(inner));
        sections(inner, &path, page);
    }
}

/// What `--help` prints, without what every command has.
fn help(command: &Command) -> String {
    let is_top = command.get_name() == "apiclient";
    let mut command = command.clone();
    for argument in command.clone().get_arguments().filter(|argument| !is_top && argument.is_global_set()) {
        command = command.mut_arg(argument.get_id(), |argument| argument.hide(true));
    }
    let text = command.render_long_help().to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

const INTRODUCTION: &str = include_str!("reference.txt");
