//! What is around every screen: status, attention strip, footer, layers.

use seamwatch::console::app::msg::Effect;
use seamwatch::domain::link::{Batch, Fault, Report};
use seamwatch::domain::time::SECOND;
use seamwatch::theme::Theme;

use super::desk::{Desk, Story, at};

const EDGE: (&str, &str, &str) = ("launch-article", "writer", "reviewer");

fn desk() -> Desk {
    Desk::with(100, 30, Story::new("r").emitted(-SECOND, "h-1", EDGE, "A draft").events)
}

#[test]
fn no_data_is_never_all_healthy() {
    Desk::new(100, 24).must_show("nothing is known yet").must_not_show("healthy");
    Desk::with(100, 24, Vec::new()).must_show("no handoff seen yet");
    desk().must_not_show("all edges healthy");
}

#[test]
fn a_link_that_is_down_says_since_when_and_how_old_the_data_is() {
    let mut desk = desk();
    desk.must_show("● live");
    let fault = Fault::Transient("connection refused".to_owned());
    desk.hear(Report::Down { fault, retry_in: 4 * SECOND });
    desk.tick(2 * SECOND);
    desk.must_show("down, data 2s old, retry in 2s").must_show("prod-eu unreachable 2s");
    desk.hear(Report::Batch(Batch::Alive { at: at(3 * SECOND) }));
    desk.tick(3 * SECOND);
    desk.must_show("● live").must_not_show("unreachable");
}

#[test]
fn silence_is_not_health() {
    let mut desk = desk();
    desk.tick(14 * SECOND);
    desk.must_show("silent, data 14s old").must_not_show("● live");
}

#[test]
fn the_help_lists_what_the_keys_do() {
    let mut desk = desk();
    desk.keys("6?").must_show("keys on events").must_show("Show every edge, worst first.");
    desk.golden("help");
    desk.keys("<esc>").must_not_show("keys on events");
}

#[test]
fn the_help_says_what_stands_in_for_a_number_and_scrolls_no_further_than_that() {
    let mut desk = Desk::with(100, 20, Vec::new());
    desk.keys("2?<ctrl-d><ctrl-d><ctrl-d><ctrl-d>")
        .must_show("n/m")
        .must_show("Not measured: this source does not tell it.");
    desk.keys("k").must_not_show("Not measured");
}

#[test]
fn many_mistakes_in_the_files_of_the_user_can_all_be_read() {
    let mut desk = desk();
    let notes = (1..=30).map(|line| format!("theme mine, line {line}: no such role"));
    desk.state.note(notes.collect());
    desk.keys("j").must_show("30 lines of your files were left out");
    desk.keys("<ctrl-d><ctrl-d><ctrl-d>").must_show("line 30: no such role");
    desk.keys("<enter>").must_not_show("left out");
}

#[test]
fn a_key_that_does_nothing_says_so() {
    let mut desk = desk();
    desk.keys("6R").must_show("nothing here to requeue; ? shows the keys");
    desk.keys("x").must_show("x does nothing; ? shows the keys");
    assert_eq!(desk.effects, Vec::new());
}

#[test]
fn the_palette_goes_to_an_edge_by_a_few_letters() {
    let mut desk = desk();
    desk.keys("6:wrirev").must_show("launch-article writer>reviewer");
    desk.golden("palette");
    desk.keys("<esc>:evnts<enter>").must_show("EVENTS");
}

#[test]
fn the_footer_does_what_it_says_when_clicked() {
    let mut desk = Desk::with(200, 30, Vec::new());
    desk.click("6 events").must_show("EVENTS");
    desk.click("? help").must_show("keys on events");
}

#[test]
fn every_size_down_to_the_smallest_draws() {
    for columns in [1, 7, 39, 40, 61, 80, 120, 300] {
        for rows in [1, 3, 9, 10, 17, 24, 60] {
            let mut desk = Desk::with(columns, rows, Story::new("r").emitted(-SECOND, "h-1", EDGE, "A draft").events);
            for keys in ["1", "2", "3", "4", "5", "6", "7", "?", "<esc>", ":e", "<esc>", "6/x"] {
                desk.keys(keys);
            }
            let small = columns < 40 || rows < 10;
            if small && columns >= 39 && rows >= 3 {
                desk.must_show("too small");
            }
        }
    }
}

#[test]
fn ascii_is_ascii_to_the_last_cell() {
    let mut desk = desk();
    desk.theme = Theme::default().ascii();
    desk.keys("6?");
    let odd = desk.buffer().content.iter().find(|it| !it.symbol().is_ascii());
    assert_eq!(odd, None);
}

#[test]
fn freezing_holds_the_screen_and_counts_what_comes() {
    let mut desk = desk();
    desk.keys("6p");
    desk.happen(Story::new("s").emitted(-500, "h-2", EDGE, "Came later").events);
    desk.tick(4 * SECOND);
    desk.must_show("FROZEN 4s, 1 new").must_not_show("Came later");
    desk.keys("p").must_show("Came later").must_not_show("FROZEN");
}

#[test]
fn nothing_is_drawn_when_only_a_sign_of_life_came() {
    let mut desk = desk();
    desk.state.dirty = false;
    desk.hear(Report::Batch(Batch::Alive { at: at(0) }));
    assert!(!desk.state.dirty);
    desk.keys("j");
    assert!(desk.state.dirty);
}

#[test]
fn leaving_is_one_key_on_a_screen_and_never_one_in_a_prompt() {
    let mut desk = desk();
    desk.keys("6/q");
    assert_eq!(desk.effects, []);
    desk.keys("<esc>q");
    assert_eq!(desk.effects, [Effect::Quit]);
}
