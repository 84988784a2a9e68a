//! Timetable of the trouble in the story: a pure function of its time, eased by the counts of what is open already.

/// Counts of what is open at the orchestrator, as the agents' supervisor last read them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Open {
    /// Dead letters that are open.
    pub(super) dead: usize,
    /// Handoffs that wait for a person.
    pub(super) waiting: usize,
    /// Handoffs to the reviewer that nobody has acknowledged.
    pub(super) to_review: usize,
}

/// The circumstances agents work in: the time of the story and what is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// Seconds since the story began.
    pub(super) at: f64,
    /// Counts of what is open, as last read.
    pub(super) open: Open,
}

/// Research begins to roll out prompt version 18.
pub(super) const PROMPT_18: f64 = 14.0;
/// The reviewer begins to slow down.
pub(super) const SLOW_REVIEWS: f64 = 20.0;
/// The CRM stops answering.
pub(super) const CRM_DOWN: f64 = 24.0;
/// Seconds that it does not answer, and seconds after that until it happens again.
const CRM_OUTAGE: (f64, f64) = (60.0, 240.0);

/// More open dead letters than this and nothing new dies, so that the list stays readable.
pub(super) const MOST_DEAD: usize = 16;
/// Open dead letters that are left to other causes than the CRM.
const OTHERS_DEAD: usize = 4;
/// More open questions than this and nothing new is asked.
pub(super) const MOST_WAITING: usize = 12;
/// More articles before the reviewer than this and research waits.
const MOST_TO_REVIEW: usize = 45;

impl Weather {
    /// Whether prompt version 18 is out.
    pub(super) fn prompt_18(&self) -> bool {
        self.at >= PROMPT_18
    }

    /// Seconds that the reviewer takes to look at a draft before it acknowledges, 0 to 12: 0 when it is well.
    pub(super) fn review_delay(&self) -> f64 {
        (self.at - SLOW_REVIEWS).clamp(0.0, 12.0)
    }

    /// Whether the CRM times out. With enough dead letters about it answers on the `last` attempt.
    pub(super) fn is_crm_down(&self, last: bool) -> bool {
        let (down, well) = CRM_OUTAGE;
        self.at >= CRM_DOWN
            && (self.at - CRM_DOWN) % (down + well) < down
            && (!last || self.open.dead + OTHERS_DEAD < MOST_DEAD)
    }

    /// Whether a few more dead letters are bearable.
    pub(super) fn may_die(&self) -> bool {
        self.open.dead < MOST_DEAD
    }

    /// Whether people can be asked one more thing.
    pub(super) fn may_ask(&self) -> bool {
        self.open.waiting < MOST_WAITING
    }

    /// Whether what `agent` starts would only pile up: the reviewer is too far behind for new articles.
    pub(super) fn is_jammed(&self, agent: &str) -> bool {
        agent == "research" && self.open.to_review >= MOST_TO_REVIEW
    }

    /// Density of the traffic that `agent` starts, as a factor: high while the screens fill, low once nobody
    /// needs more of it. Articles go on, or the reviewer would catch up.
    pub(super) fn density(&self, agent: &str) -> f64 {
        if self.at < 12.0 {
            5.0
        } else if self.at < 600.0 || agent == "research" {
            1.0
        } else {
            0.4
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at: f64) -> Weather {
        Weather { at, open: Open::default() }
    }

    #[test]
    fn it_is_fine_at_first_and_then_it_is_not() {
        let first = at(5.0);
        assert!(!first.prompt_18() && first.review_delay() < 0.1 && !first.is_crm_down(false));
        let later = at(60.0);
        assert!(later.prompt_18() && later.review_delay() > 10.0 && later.is_crm_down(true));
        assert!(!at(200.0).is_crm_down(false) && at(330.0).is_crm_down(false));
    }

    #[test]
    fn what_is_open_has_bounds() {
        let mut full = at(60.0);
        full.open = Open { dead: MOST_DEAD, waiting: MOST_WAITING, to_review: MOST_TO_REVIEW };
        assert!(!full.is_crm_down(true) && !full.may_die());
        assert!(!full.may_ask() && full.is_jammed("research") && !full.is_jammed("sales"));
    }
}
