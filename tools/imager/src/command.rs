//! Running other programs: a failure says what was run and what it printed.

use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Runs to the end, keeps what it prints, and fails with it unless the program succeeds.
pub fn run(command: &mut Command) -> Result<Output> {
    let line = describe(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start: {line}"))?;
    if !output.status.success() {
        bail!("{} ({line})\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
    }
    Ok(output)
}

/// Like [`run`], returning what was printed on standard output.
pub fn read(command: &mut Command) -> Result<String> {
    Ok(text(&run(command)?.stdout))
}

/// Runs with the terminal, for programs with a progress display of their own.
pub fn show(command: &mut Command) -> Result<()> {
    let line = describe(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot start: {line}"))?;
    if !status.success() {
        bail!("{status} ({line})");
    }
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn describe(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
        // A command over a thousand files would drown its own error.
        if line.len() > 600 {
            line.push_str(" ...");
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_program_and_what_it_said() {
        let err = run(Command::new("ls").arg("/no/such/folder")).unwrap_err().to_string();
        assert!(err.contains("ls /no/such/folder") && err.contains("No such file"), "{err}");
        let err = run(&mut Command::new("/no/such/program")).unwrap_err().to_string();
        assert!(err.contains("cannot start: /no/such/program"), "{err}");
    }
}
