//! `apiclient completion`
//!
//! clap_complete knows commands and flags. Keys of settings come as the values that a key's argument may take, in a copy
//! of the command line that is for completion only: `apiclient` itself leaves judging keys to the server.

use std::io::Write;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap_complete::Shell;
use settings::schema;

use crate::failure::Failure;

/// Print completions for a shell, keys of settings included
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  source <(apiclient completion bash)
  apiclient completion zsh > ~/.zfunc/_apiclient
  apiclient completion fish > ~/.config/fish/completions/apiclient.fish")]
pub struct Completion {
    /// Whose
    #[arg(value_parser = PossibleValuesParser::new(["bash", "zsh", "fish"]))]
    shell: String,
}

/// Arguments that take keys: command, argument, and what follows a key.
const TAKE_KEYS: [(&str, &str, &str); 3] =
    [("get", "what", ""), ("set", "pairs", "="), ("delete", "keys", "")];

impl Completion {
    /// Prints the script.
    pub fn print(self, out: &mut dyn Write) -> Result<(), Failure> {
        let shell = match self.shell.as_str() {
            "bash" => Shell::Bash,
            "zsh" => Shell::Zsh,
            _ => Shell::Fish,
        };
        out.write_all(script(shell).as_bytes()).map_err(Failure::Output)
    }
}

fn script(shell: Shell) -> String {
    let mut command = crate::command();
    // clap_complete has no values of positional arguments for fish; they follow below.
    if shell != Shell::Fish {
        for (name, argument, end) in TAKE_KEYS {
            command = command.mut_subcommand(name, |command| {
                command.mut_arg(argument, |arg| {
                    arg.value_parser(PossibleValuesParser::new(keys(end).into_iter().map(PossibleValue::new)))
                })
            });
        }
    }
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "apiclient", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => script.push_str(BASH),
        Shell::Fish => {
            for (name, _, end) in TAKE_KEYS {
                let keys = keys(end).join(" ");
                script.push_str(&format!(
                    "complete -c apiclient -n \"__fish_apiclient_using_subcommand {name}\" -f -a \"{keys}\"\n"
                ));
            }
        }
        _ => {}
    }
    script
}

/// No blank behind `motd=`: its value follows.
const BASH: &str = r#"
_apiclient_keys() {
    _apiclient "$@"
    case "${COMPREPLY[0]}" in *=) compopt -o nospace ;; esac
}
complete -F _apiclient_keys -o bashdefault -o default apiclient
"#;

/// Keys as people type them. One below a name of its author's choice stops in front of the name.
fn keys(end: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for known in schema::keys() {
        let key = match known.key.split_once(".NAME") {
            // Inside the entries of a list: the list is typed as a whole.
            _ if known.key.contains("[]") => continue,
            Some((table, _)) => format!("{table}."),
            None if known.is_table && !end.is_empty() => continue,
            None => format!("{}{end}", known.key),
        };
        if key.starts_with("settings.") && !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_keys() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            for word in
                ["settings.motd=", "settings.kernel.lockdown", "settings.containers.", "confirm-within"]
            {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn no_key_holds_what_a_shell_would_expand() {
        for key in keys("=") {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
            assert!(key.chars().all(plain), "{key}");
        }
    }
}
