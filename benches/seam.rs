//! Every figure as a ratio to a bare baseline of the same run: `make bench`, or `cargo bench -- 5 12` for some goals.
//!
//! A baseline does only what cannot be left out, by hand, interleaved with ours, so that a slow or busy machine
//! slows both. Processor time is that of the thread. `SEAM_BENCH_ROWS` and `SEAM_BENCH_HANDOFFS` make the large
//! cases larger or smaller, `SEAM_BENCH_SECONDS` the idle one longer or shorter. The run fails when a goal is missed
//! that must hold; the list is in `measure.rs`.

#![allow(clippy::panic)] // a benchmark that cannot go on stops

use std::process::ExitCode;

#[path = "seam/draw.rs"]
mod draw;
#[path = "seam/fold.rs"]
mod fold;
#[path = "seam/http.rs"]
mod http;
#[path = "seam/measure.rs"]
mod measure;
#[path = "seam/open.rs"]
mod open;
#[path = "seam/session.rs"]
mod session;
#[path = "seam/stage.rs"]
mod stage;
#[path = "seam/start.rs"]
mod start;
#[path = "seam/storm.rs"]
mod storm;
#[path = "../tests/support/console.rs"]
mod support;

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if asked.iter().any(|it| it == "minimal") {
        start::minimal();
        return ExitCode::SUCCESS;
    }
    if asked.iter().any(|it| it == "memory") {
        fold::kept();
        return measure::end();
    }
    let goals: Vec<u8> = asked.iter().filter_map(|it| it.parse().ok()).collect();
    let wanted = |goal: u8| goals.is_empty() || goals.contains(&goal);
    measure::heading();
    // Programs are started while this one is small: making a copy of a large one takes longer than what is measured.
    if wanted(11) {
        start::first_frame();
    }
    if wanted(8) {
        start::idle(number("SEAM_BENCH_SECONDS", 60));
    }
    if wanted(9) || wanted(10) {
        storm::keys();
    }
    if wanted(5) {
        draw::views();
    }
    if wanted(6) {
        draw::rows(number("SEAM_BENCH_ROWS", 1_000_000));
    }
    if wanted(7) {
        draw::bytes();
    }
    if wanted(12) {
        let handoffs = number("SEAM_BENCH_HANDOFFS", 100_000);
        open::large(handoffs, (handoffs / 50).min(20_000));
    }
    if wanted(14) {
        open::to_screen();
    }
    if wanted(1) {
        fold::events();
    }
    if wanted(2) {
        fold::ingest();
    }
    if wanted(3) {
        fold::memory();
    }
    if wanted(4) {
        fold::tick();
    }
    if wanted(13) {
        open::commits();
    }
    if wanted(17) {
        http::ingest();
    }
    if wanted(18) {
        fold::filter(number("SEAM_BENCH_ROWS", 1_000_000));
    }
    measure::end()
}

/// A size from the environment.
fn number(name: &str, usual: usize) -> usize {
    let given = std::env::var(name).ok();
    given.and_then(|it| it.parse().ok()).unwrap_or(usual)
}
