//! The API's command-line client, an executable of its own: static, so that it runs bind-mounted into any container.

use std::process::ExitCode;

fn main() -> ExitCode {
    apiclient::main()
}
