//! What is around every screen: status, attention strip, footer, layers.

use seamwatch::testing::console::app::msg::Effect;
use seamwatch::testing::domain::port::{Batch, Fault, Report};
use seamwatch::testing::domain::time::SECOND;
use seamwatch::testing::keymap::Keymap;
use seamwatch::testing::theme::Theme;

use super::console::{Console, Story, at};

const EDGE: (&str, &str, &str) = ("launch-article", "writer", "reviewer");

fn console() -> Console {
    Console::with(100, 30, Story::new("r").emitted(-SECOND, "h-1", EDGE, "A draft").events)
}

#[test]
fn no_data_is_never_all_healthy() {
    Console::new(100, 24).must_show("nothing is known yet").must_not_show("healthy");
    Console::with(100, 24, Vec::new()).must_show("no handoff seen yet");
    console().must_not_show("all edges healthy");
}

#[test]
fn a_link_that_is_down_says_since_when_and_how_old_the_data_is() {
    let mut console = console();
    console.must_show("● live");
    let fault = Fault::Transient("connection refused".to_owned());
    console.hear(Report::Down { fault, retry_in: 4 * SECOND });
    console.tick(2 * SECOND);
    console.must_show("down, data 2s old, retry in 2s").must_show("prod-eu unreachable 2s");
    console.hear(Report::Batch(Batch::Alive { at: at(3 * SECOND) }));
    console.tick(3 * SECOND);
    console.must_show("● live").must_not_show("unreachable");
}

#[test]
fn silence_is_not_health() {
    let mut console = console();
    console.tick(14 * SECOND);
    console.must_show("silent, data 14s old").must_not_show("● live");
}

#[test]
fn the_help_lists_what_the_keys_do() {
    let mut console = console();
    console.keys("6?").must_show("keys on events").must_show("Show every edge, worst first.");
    console.golden("help");
    console.keys("<esc>").must_not_show("keys on events");
}

#[test]
fn the_help_says_what_stands_in_for_a_number_and_scrolls_no_further_than_that() {
    let mut console = Console::with(100, 20, Vec::new());
    console
        .keys("2?<ctrl-d><ctrl-d><ctrl-d><ctrl-d>")
        .must_show("n/m")
        .must_show("Not measured: this source does not tell it.");
    console.keys("k").must_not_show("Not measured");
}

#[test]
fn many_mistakes_in_the_files_of_the_user_can_all_be_read() {
    let mut console = console();
    let notes = (1..=30).map(|line| format!("theme mine, line {line}: no such role"));
    console.state.note(notes.collect());
    console.keys("j").must_show("30 lines of your files were left out");
    console.keys("<ctrl-d><ctrl-d><ctrl-d>").must_show("line 30: no such role");
    console.keys("<enter>").must_not_show("left out");
}

#[test]
fn a_dialog_scrolls_to_its_end_and_no_further() {
    for (columns, rows) in [(80, 24), (40, 10)] {
        let mut console = Console::with(columns, rows, Vec::new());
        console.state.note((1..=30).map(|line| format!("no such role in line {line}")).collect());
        console.tick(0);
        console.must_show("more lines").must_show("j k scroll");
        console.keys("<ctrl-d><ctrl-d><ctrl-d><ctrl-d>").must_show("in line 30").must_not_show("more lines");
        console.keys("k").must_show("more lines");
    }
}

#[test]
fn a_dialog_offers_to_scroll_only_when_there_is_more() {
    for (columns, rows, lines) in [(80, 24, 17), (40, 10, 5)] {
        let mut console = Console::with(columns, rows, Vec::new());
        console.state.note((1..=lines).map(|line| format!("no such role in line {line}")).collect());
        console.tick(0);
        console.must_not_show("more lines").must_not_show("scroll");
    }
}

#[test]
fn the_keys_of_layers_can_be_bound_anew_and_the_footer_shows_them() {
    let mut console = console();
    let keys = "[dialog]\nback = \"x\"\n[choice]\ndown = \"n\"\n[reading]\nback = \"x\"\n[global]\nhelp = \"f1\"";
    console.state.keymap = Keymap::load(keys).unwrap();
    console.state.note((1..=4).map(|line| format!("no such role in line {line}")).collect());
    console.keys("n").must_show("left out").must_show("x no");
    console.keys("x").must_not_show("left out");
    console.keys("<f1>?").must_show("keys on").must_show("x close");
    console.keys("x").must_not_show("keys on");
    console.keys("6x").must_show("x does nothing; f1 shows the keys");
}

#[test]
fn a_key_that_does_nothing_says_so() {
    let mut console = console();
    console.keys("6R").must_show("nothing here to requeue; ? shows the keys");
    console.keys("x").must_show("x does nothing; ? shows the keys");
    assert_eq!(console.effects, Vec::new());
}

#[test]
fn the_palette_goes_to_an_edge_by_a_few_letters() {
    let mut console = console();
    console.keys("6:wrirev").must_show("launch-article writer>reviewer");
    console.golden("palette");
    console.keys("<esc>:evnts<enter>").must_show("EVENTS");
}

#[test]
fn the_footer_does_what_it_says_when_clicked() {
    let mut console = Console::with(200, 30, Vec::new());
    console.click("6 events").must_show("EVENTS");
    console.click("? help").must_show("keys on events");
}

#[test]
fn every_size_down_to_the_smallest_draws() {
    for columns in [1, 7, 39, 40, 61, 80, 120, 300] {
        for rows in [1, 3, 9, 10, 17, 24, 60] {
            let mut console =
                Console::with(columns, rows, Story::new("r").emitted(-SECOND, "h-1", EDGE, "A draft").events);
            for keys in ["1", "2", "3", "4", "5", "6", "7", "?", "<esc>", ":e", "<esc>", "6/x"] {
                console.keys(keys);
            }
            let small = columns < 40 || rows < 10;
            if small && columns >= 39 && rows >= 3 {
                console.must_show("too small");
            }
        }
    }
}

#[test]
fn ascii_is_ascii_to_the_last_cell() {
    let mut console = console();
    console.theme = Theme::default().ascii();
    console.keys("6?");
    let odd = console.buffer().content.iter().find(|it| !it.symbol().is_ascii());
    assert_eq!(odd, None);
}

#[test]
fn freezing_holds_the_screen_and_counts_what_comes() {
    let mut console = console();
    console.keys("6p");
    console.happen(Story::new("s").emitted(-500, "h-2", EDGE, "Came later").events);
    console.tick(4 * SECOND);
    console.must_show("FROZEN 4s, 1 new").must_not_show("Came later");
    console.keys("p").must_show("Came later").must_not_show("FROZEN");
}

#[test]
fn nothing_is_drawn_when_only_a_sign_of_life_came() {
    let mut console = console();
    console.state.dirty = false;
    console.hear(Report::Batch(Batch::Alive { at: at(0) }));
    assert!(!console.state.dirty);
    console.keys("j");
    assert!(console.state.dirty);
}

#[test]
fn leaving_is_one_key_on_a_screen_and_never_one_in_a_prompt() {
    let mut console = console();
    console.keys("6/q");
    assert_eq!(console.effects, []);
    console.keys("<esc>q");
    assert_eq!(console.effects, [Effect::Quit]);
}
