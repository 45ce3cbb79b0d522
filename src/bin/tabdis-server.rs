//! `tabdis-server`: parses the command line and runs the native host.

use std::process::ExitCode;
use tabdis::server::settings::{self, Command};
use tabdis::server::{Server, log, memory};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

const HELP: &str = "\
Usage: tabdis-server [/path/to/redis.conf] [--directive value ...]

A Redis-compatible server. Directives are those of redis.conf; the most used:
  --port N                 TCP port (6379; 0 for none)
  --bind A ...             addresses to listen on (127.0.0.1 and ::1)
  --unixsocket PATH        a unix socket beside or instead of the port
  --requirepass P          the password clients must send
  --dir D                  the directory for files
  --save \"\"                no snapshots
  --appendonly yes|no      whether changes are logged
  --loglevel L             debug, verbose, notice, warning, nothing
  --enable-debug-command yes|no
  -v, --version            print the version
  -h, --help               print this
";

fn main() -> ExitCode {
    match settings::from_args(std::env::args_os()) {
        Ok(Command::Version) => {
            println!("tabdis server v=7.2.4 tabdis={} bits={}", env!("CARGO_PKG_VERSION"), usize::BITS);
            ExitCode::SUCCESS
        }
        Ok(Command::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Command::Run(settings)) => serve(*settings),
        Err(error) => fail(&error),
    }
}

fn serve(settings: settings::Settings) -> ExitCode {
    let port = settings.port;
    let server = match Server::new(settings) {
        Ok(server) => server,
        Err(error) => return fail(&error),
    };
    log::notice(&format!("tabdis {}, port: {port}, PID: {}", env!("CARGO_PKG_VERSION"), std::process::id()));
    log::notice("Server initialized");
    log::notice("Ready to accept connections");
    match server.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(error: &str) -> ExitCode {
    log::warning(error);
    eprintln!("{error}");
    ExitCode::FAILURE
}
