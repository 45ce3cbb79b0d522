//! `tabdis-server`: parses the command line and runs the native host.

use std::io::Write;
use std::process::{ExitCode, Stdio};
use tabdis::cmd::connection::REDIS_VERSION;
use tabdis::server::settings::{self, Command, Settings};
use tabdis::server::{Server, StartError, log, memory};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// Set for the process that runs in the background, which needs not go there again.
const IN_BACKGROUND: &str = "TABDIS_IN_BACKGROUND";

const HELP: &str = "\
Usage: tabdis-server [/path/to/redis.conf] [options] [-]
       tabdis-server - (read config from stdin)
       tabdis-server -v or --version
       tabdis-server -h or --help

A Redis-compatible server. Options are the directives of redis.conf; the most used:
  --port N                 TCP port (6379; 0 for none)
  --bind A ...             addresses to listen on (all; clients from elsewhere need a password)
  --unixsocket PATH        a unix socket beside or instead of the port
  --requirepass P          the password clients must send
  --dir D                  the directory for files
  --save \"\"                no snapshots
  --daemonize yes          run in the background
  --logfile F              log to a file
  --loglevel L             debug, verbose, notice, warning, nothing
  --enable-debug-command yes|no|local

Browsers attach as followers over WebSockets:
  --ws-port N              their port (none)
  --ws-bind A              the address to listen on (127.0.0.1)
  --ws-origins \"O ...\"    the origins of the pages that may (none)
  --ws-tls-cert F          a certificate and its key, as PEM; without, something in
  --ws-tls-key F           front of the port has to encrypt
  --ws-jwt-secret-file F   tokens are JWTs signed with this secret (HS256)
  --ws-jwt-public-key-file F   or with the private half of this key (RS256, ES256, EdDSA)
  --ws-jwt-audience A      and are for this audience
  --ws-token-file F        one token for development, of the user
  --ws-token-user U        of this name (default)
  --ws-max-message N       the longest message, bytes (8mb)
  --ws-max-peers N         the most connections (1000)

Examples:
       tabdis-server (run the server with default conf)
       echo 'maxmemory 128mb' | tabdis-server -
       tabdis-server /etc/redis/6379.conf
       tabdis-server --port 7777
       tabdis-server /etc/myredis.conf --loglevel verbose -
";

fn main() -> ExitCode {
    match settings::from_args(std::env::args_os()) {
        Ok(Command::Version) => {
            let (own, bits) = (env!("CARGO_PKG_VERSION"), usize::BITS);
            println!("tabdis server v={REDIS_VERSION} sha=00000000:0 malloc=system bits={bits} tabdis={own}");
            ExitCode::SUCCESS
        }
        Ok(Command::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Command::Run(settings)) if settings.daemonize() && std::env::var_os(IN_BACKGROUND).is_none() => {
            go_to_background(&settings)
        }
        Ok(Command::Run(settings)) => serve(&settings),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(settings: &Settings) -> ExitCode {
    let ended =
        Server::new(settings).and_then(|server| server.run().map_err(|error| StartError::Run(error.to_string())));
    match ended {
        Ok(()) => return ExitCode::SUCCESS,
        Err(StartError::Settings(text)) => eprintln!("{text}"),
        Err(StartError::Run(text)) => log::warning(&text),
    }
    ExitCode::FAILURE
}

/// Starts the same program once more, away from the terminal, and ends.
fn go_to_background(settings: &Settings) -> ExitCode {
    use std::os::unix::process::CommandExt;
    let program = std::env::current_exe().unwrap_or_else(|_| std::env::args_os().next().unwrap_or_default().into());
    let started = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(IN_BACKGROUND, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let told = started.and_then(|mut child| match child.stdin.take() {
        Some(mut input) => input.write_all(&settings.piped),
        None => Ok(()),
    });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Failed to go to the background: {error}");
            ExitCode::FAILURE
        }
    }
}
