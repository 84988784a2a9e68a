//! The `seam` command: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use seamwatch::Cli;
use tikv_jemallocator::Jemalloc;

/// That of the system keeps what a server has freed, in a place for each thread, and grows with what passed through it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return seamwatch::report(&anyhow::Error::new(why).context("cannot start")).into(),
    };
    let exit = match runtime.block_on(cli.run()) {
        Ok(exit) => exit,
        Err(why) => seamwatch::report(&why),
    };
    // Blocking work that nobody waits for any more must not hold the program open.
    runtime.shutdown_background();
    seamwatch::close();
    exit.into()
}
