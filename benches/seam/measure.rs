//! Clocks, percentiles, and the table.

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

use cpu_time::ThreadTime;

/// The goals that must hold: to miss one fails the run. All others are reported, because they follow the disk, the
/// allocator and the network of a machine as much as this program.
const MUST_HOLD: [u8; 9] = [5, 6, 7, 8, 9, 10, 11, 12, 14];

/// Figures of this run that missed a goal that must hold.
static MISSED: AtomicU32 = AtomicU32::new(0);

/// What a figure has to be.
#[derive(Clone, Copy)]
pub enum Goal {
    /// A ratio (or a plain number) of at most this.
    AtMost(f64),
    /// A ratio of at least this.
    AtLeast(f64),
    /// Anything: there is no baseline, the figure is told.
    Told,
}

/// What comes of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what it has to be.
    Holds,
    /// It is not, and must be.
    Missed,
    /// It is not, and is only reported.
    Missing,
    /// There is nothing that it has to be.
    Told,
}

impl Goal {
    /// Judges a figure of this goal by its number.
    pub fn judge(self, goal: u8, ratio: f64) -> Verdict {
        let holds = match self {
            Self::AtMost(limit) => ratio <= limit,
            Self::AtLeast(limit) => ratio >= limit,
            Self::Told => return Verdict::Told,
        };
        match (holds, MUST_HOLD.contains(&goal)) {
            (true, _) => Verdict::Holds,
            (false, true) => Verdict::Missed,
            (false, false) => Verdict::Missing,
        }
    }
}

/// Takes a verdict into the end of the run.
pub fn count(verdict: Verdict) {
    if verdict == Verdict::Missed {
        MISSED.fetch_add(1, Ordering::Relaxed);
    }
}

/// The end of the run: it fails when a goal was missed that must hold.
pub fn end() -> ExitCode {
    match MISSED.load(Ordering::Relaxed) {
        0 => ExitCode::SUCCESS,
        missed => {
            eprintln!("{missed} of the figures that must hold: MISSED");
            ExitCode::FAILURE
        }
    }
}

/// One line of the table.
pub struct Figure {
    /// Number of the goal.
    pub goal: u8,
    /// What was measured.
    pub what: String,
    /// Our figure, with its unit.
    pub ours: String,
    /// The bare baseline of the same run, with its unit.
    pub bare: String,
    /// The ratio that the goal is about.
    pub ratio: f64,
    /// What it has to be.
    pub wanted: Goal,
}

/// Resident memory of a process in MiB; 0 where there is no `/proc`.
pub fn resident(process: u32) -> f64 {
    let path = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    let kib = line.and_then(|it| it.split_whitespace().next());
    kib.and_then(|it| it.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Prints the names of the columns.
pub fn heading() {
    println!("{:>4}  {:<52} {:>16} {:>16} {:>8} {:>8}  verdict", "goal", "what", "ours", "bare", "ratio", "wanted");
}

impl Figure {
    /// Prints the line at once: a long run is read while it goes on.
    pub fn print(&self) {
        let limit = match self.wanted {
            Goal::AtMost(limit) => format!("<={}", short(limit)),
            Goal::AtLeast(limit) => format!(">={}", short(limit)),
            Goal::Told => String::new(),
        };
        let verdict = self.wanted.judge(self.goal, self.ratio);
        count(verdict);
        println!(
            "{:>4}  {:<52} {:>16} {:>16} {:>8} {:>8}  {}",
            self.goal,
            self.what,
            self.ours,
            self.bare,
            short(self.ratio),
            limit,
            match verdict {
                Verdict::Holds => "holds",
                Verdict::Missed => "MISSED, must hold",
                Verdict::Missing => "missed, reported only",
                Verdict::Told => "told",
            }
        );
        let _ = std::io::stdout().flush(); // a closed pipe ends the run soon enough
    }
}

fn short(number: f64) -> String {
    match number {
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

/// A span in the unit that suits it.
pub fn span(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 0.001 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.1} us", s * 1e6),
    }
}

/// A rate per second.
pub fn rate(per_second: f64) -> String {
    match per_second {
        r if r >= 1e6 => format!("{:.2} M/s", r / 1e6),
        r if r >= 1e3 => format!("{:.1} k/s", r / 1e3),
        r => format!("{r:.0} /s"),
    }
}

/// Processor time that this thread spends in `work`, in seconds.
pub fn cpu<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = ThreadTime::now();
    let made = std::hint::black_box(work());
    (start.elapsed().as_secs_f64(), made)
}

/// The value that a share of the samples does not exceed; 0 without samples.
pub fn quantile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let last = samples.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    samples.get(at).copied().unwrap_or(0.0)
}

/// The middle one.
pub fn median(samples: &mut [f64]) -> f64 {
    quantile(samples, 0.5)
}
