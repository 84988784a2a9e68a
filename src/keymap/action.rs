//! Everything a key can do.

use std::str::FromStr;

use crate::domain::port::ActKind;

/// One row per action that is no act of [`ActKind`]: variant, name in `keys.toml`, word for the footer, sentence for
/// help and palette.
macro_rules! actions {
    ($($variant:ident $name:literal $word:literal $sentence:literal;)*) => {
        /// Everything a key can do. Screens say which of these they offer right now.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $(#[doc = $sentence] $variant,)*
            /// Asks for an act: see its row.
            Act(ActKind),
        }

        impl Action {
            const PLAIN: &[Self] = &[$(Self::$variant,)*];

            /// The name in `keys.toml` and in the palette, such as `half-page-down`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* Self::Act(act) => act.row().key }
            }

            /// The word beside the key in the footer, such as `open`.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* Self::Act(act) => act.word() }
            }

            /// The sentence of help and palette.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* Self::Act(act) => act.row().help }
            }
        }
    };
}

actions! {
    Down "down" "down" "Move to the next row.";
    Up "up" "up" "Move to the row before.";
    Top "top" "top" "Move to the first row.";
    Bottom "bottom" "bottom" "Move to the last row.";
    HalfPageDown "half-page-down" "page down" "Move half a page down.";
    HalfPageUp "half-page-up" "page up" "Move half a page up.";
    Left "left" "close" "Close the branch, or scroll left.";
    Right "right" "expand" "Open the branch, or scroll right.";
    NextTab "next-tab" "next tab" "Show the next tab.";
    PreviousTab "previous-tab" "previous tab" "Show the tab before.";
    Open "open" "open" "Open what is selected.";
    Confirm "confirm" "yes" "Press the button that does what is asked about.";
    Back "back" "back" "Go back: close the page, clear the marks or the filter.";
    Quit "quit" "quit" "Leave Seamwatch, from a main screen.";
    Interrupt "interrupt" "quit" "Leave Seamwatch at once, from anywhere.";
    ShowPipelines "show-pipelines" "pipelines" "Show the pipelines and their edges.";
    ShowEdges "show-edges" "edges" "Show every edge, worst first.";
    ShowTasks "show-tasks" "tasks" "Show the tasks, looping and stalled first.";
    ShowDeadLetters "show-dead-letters" "dead letters" "Show the dead letters by what failed.";
    ShowInbox "show-inbox" "inbox" "Show what waits for a person.";
    ShowEvents "show-events" "events" "Show the live log.";
    ShowSources "show-sources" "sources" "Show the connections.";
    NextAlert "next-alert" "next alert" "Jump to the rows of the next badge of the attention strip.";
    Filter "filter" "filter" "Filter the rows: -word, field:word, field:=word, \"as it is\".";
    NextMatch "next-match" "next match" "Move to the next match of the filter.";
    PreviousMatch "previous-match" "previous match" "Move to the match before.";
    Palette "palette" "palette" "Find an action or a place by name.";
    Help "help" "help" "Show what the keys do here.";
    SaveView "save-view" "save view" "Open this address on this screen with this filter from now on.";
    Mark "mark" "mark" "Mark the row, or take its mark away.";
    MarkRange "mark-range" "mark range" "Mark every row from here to where you move.";
    MarkAll "mark-all" "all matching" "Mark every row that matches the filter.";
    Sort "sort" "sort" "Sort by the next column.";
    SortReverse "sort-reverse" "reverse" "Turn the sort order around.";
    Freeze "freeze" "freeze" "Hold the screen still; events are still counted.";
    TimeFormat "time-format" "time" "Change times between UTC, local and relative.";
    CopyId "copy-id" "copy id" "Copy the id.";
    CopyJson "copy-json" "copy JSON" "Copy the whole item as JSON.";
    ViewInEditor "view-in-editor" "editor" "Open the contract in $EDITOR, to read.";
    Details "details" "details" "Open the whole handoff behind the question.";
    ReleaseMouse "release-mouse" "mouse" "Give the mouse back to the terminal, to select text.";
    Redraw "redraw" "redraw" "Draw the whole screen again.";
    Suspend "suspend" "suspend" "Stop Seamwatch until `fg`, and with it what runs in it for agents.";
    Complete "complete" "complete" "Complete the word being typed.";
    Undo "undo" "undo" "Take the last dismissal back before it is sent.";
    RetryNow "retry-now" "retry now" "Try to reach the source again at once.";
    PauseReplay "pause-replay" "pause" "Pause or resume the replay.";
    ReplayBack "replay-back" "back" "Go back in the recording.";
    ReplayForward "replay-forward" "forward" "Go forward in the recording.";
    ReplaySlower "replay-slower" "slower" "Replay at the next slower speed.";
    ReplayFaster "replay-faster" "faster" "Replay at the next faster speed, up to as fast as can be.";
}

impl Action {
    /// All of them, in the order of the help: those of this console, then the acts that have a key.
    pub fn all() -> impl Iterator<Item = Self> {
        let acts = ActKind::ALL.iter().filter(|it| !it.row().key.is_empty());
        Self::PLAIN.iter().copied().chain(acts.map(|it| Self::Act(*it)))
    }

    /// True when it changes something outside this console, so it locks with stale data and in read-only mode.
    pub const fn changes(self) -> bool {
        matches!(self, Self::Act(_) | Self::Undo)
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::all().find(|action| action.name() == name);
        found.ok_or_else(|| format!("there is no action `{name}`; `?` in the console lists them all"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for action in Action::all() {
            assert_eq!(action.name().parse(), Ok(action));
        }
        assert!("fly".parse::<Action>().unwrap_err().contains("fly"));
    }
}
