//! Signals of the operating system that the console takes as its own.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals of the operating system, by their meaning.
pub(super) enum Heard {
    End,
    /// As ctrl-c and ctrl-\ do where the terminal is not raw.
    Interrupt,
    Stop,
    Continue,
}

/// The signals, waited for from the moment this exists.
pub(super) struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
    quit: Signal,
    stop: Signal,
    go_on: Signal,
    /// Those that mean nothing here, and would end a program that does not take them.
    _ignored: [Signal; 2],
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        const STOP: i32 = 20;
        const GO_ON: i32 = 18;
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            stop: signal(SignalKind::from_raw(STOP))?,
            go_on: signal(SignalKind::from_raw(GO_ON))?,
            _ignored: [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?],
        })
    }

    pub(super) async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.terminate.recv() => Heard::End,
            _ = self.hang_up.recv() => Heard::End,
            _ = self.interrupt.recv() => Heard::Interrupt,
            _ = self.quit.recv() => Heard::Interrupt,
            _ = self.stop.recv() => Heard::Stop,
            _ = self.go_on.recv() => Heard::Continue,
        }
    }
}
