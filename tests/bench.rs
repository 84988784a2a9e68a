//! By what the benchmarks judge. They have no test harness of their own.

#[path = "../benches/seam/measure.rs"]
#[allow(dead_code)] // clocks and the table
mod measure;

use measure::{Goal, Verdict};

#[test]
fn only_a_goal_that_must_hold_can_be_missed() {
    let (at_most, at_least) = (Goal::AtMost(2.5), Goal::AtLeast(0.6));
    assert_eq!(at_most.judge(5, 2.5), Verdict::Holds);
    assert_eq!(at_most.judge(5, 2.6), Verdict::Missed);
    assert_eq!(at_most.judge(4, 2.6), Verdict::Missing);
    assert_eq!(at_least.judge(17, 0.6), Verdict::Holds);
    assert_eq!(at_least.judge(17, 0.5), Verdict::Missing);
    assert_eq!(Goal::Told.judge(10, 99.0), Verdict::Told);
    assert_eq!(at_most.judge(5, f64::NAN), Verdict::Missed, "nothing was measured");
}

#[test]
fn a_missed_goal_fails_the_run() {
    measure::count(Verdict::Missing);
    measure::count(Verdict::Told);
    assert_eq!(measure::end(), std::process::ExitCode::SUCCESS);
    measure::count(Verdict::Missed);
    assert_eq!(measure::end(), std::process::ExitCode::FAILURE);
}
